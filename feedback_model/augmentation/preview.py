"""The plan as it can be read before money is spent. Reads the store and asks nobody; nothing is bought or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from feedback_model.augmentation.augment import labelled_train, plan_next, rewrite_set_of
from feedback_model.augmentation.costing import (
    CostEstimate,
    HitRate,
    estimate_cost,
    hit_rates,
    relabel_tokens,
    rewrite_tokens,
)
from feedback_model.augmentation.plan import MAX_SHARE, AugmentationPlan, count_scores
from feedback_model.records import LabelSet
from feedback_model.store.augmentation_outcomes import (
    add_outcomes,
    outcomes_by_level,
    text_lengths,
)
from feedback_model.store.connection import Store
from feedback_model.store.ledger import mean_usage


@dataclass(frozen=True, slots=True)
class AugmentationPreview:
    """What would be ordered now, from whom, and what that should cost."""

    label_set: LabelSet
    histogram: Mapping[str, Mapping[int, int]]
    """Real train transcripts by trait and score."""
    n_train: int
    """Real train transcripts."""
    n_pending: int
    """Rewrites ordered before that still await their verdict; they are finished first."""
    plan: AugmentationPlan
    hit_rates: tuple[HitRate, ...]
    cost: CostEstimate


def preview_augmentation(
    store: Store, label_set: LabelSet, *, max_share: float = MAX_SHARE, seed: int = 0
) -> AugmentationPreview:
    """What `augment` would do now.

    Raises:
        MissingStage: no train transcript has a label of this label set.
    """
    real = [each for each in labelled_train(store, label_set) if each.origin == "real"]
    plan = plan_next(store, label_set, max_share=max_share, seed=seed)
    so_far = outcomes_by_level(store, rewrite_set_of(label_set))
    rates = hit_rates(plan.rewrites, so_far)
    return AugmentationPreview(
        label_set=label_set,
        histogram=count_scores(real),
        n_train=len(real),
        n_pending=add_outcomes(so_far).pending,
        plan=plan,
        hit_rates=rates,
        cost=_estimate(store, label_set, plan, rates),
    )


def _estimate(store: Store, label_set: LabelSet, plan: AugmentationPlan, rates: tuple[HitRate, ...]) -> CostEstimate:
    lengths = text_lengths(store, {each.parent_id for each in plan.rewrites})
    characters = fmean(lengths[each.parent_id] for each in plan.rewrites) if plan.rewrites else 0.0
    return estimate_cost(
        label_set.label_model,
        rates,
        rewrite_tokens(mean_usage(store, rewrite_set_of(label_set), "rewrite"), characters),
        relabel_tokens(mean_usage(store, label_set, "label"), characters),
    )
