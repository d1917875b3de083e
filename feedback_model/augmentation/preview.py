"""The plan as it can be read before money is spent. Reads the store and asks nobody; nothing is bought or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from feedback_model.augmentation.augment import labelled_train, plan_next, rewrite_config_of
from feedback_model.augmentation.cost import (
    CostEstimate,
    HitRate,
    estimate_cost,
    hit_rates,
    relabel_tokens,
    rewrite_tokens,
)
from feedback_model.augmentation.planning import MAX_SHARE, AugmentationPlan, count_scores
from feedback_model.labelling.pricing import Price, price_of
from feedback_model.records.labels import LabellingConfig
from feedback_model.settings import Settings
from feedback_model.store.augmentations import add_outcomes, outcomes_by_level, text_lengths
from feedback_model.store.connection import Store
from feedback_model.store.label_requests import mean_usage


@dataclass(frozen=True, slots=True)
class AugmentationPreview:
    """The next rewrites, their labeller and their cost."""

    labelling_config: LabellingConfig
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
    store: Store,
    labelling_config: LabellingConfig,
    *,
    max_share: float = MAX_SHARE,
    seed: int = 0,
    settings: Settings | None = None,
) -> AugmentationPreview:
    """Preview what `augment` would do now.

    Args:
        settings: whose endpoint and price count; None for OpenAI's own.

    Raises:
        MissingStage: no train transcript has a label of this labelling configuration.
    """
    real = [each for each in labelled_train(store, labelling_config) if each.origin == "real"]
    plan = plan_next(store, labelling_config, max_share=max_share, seed=seed)
    so_far = outcomes_by_level(store, rewrite_config_of(labelling_config))
    rates = hit_rates(plan.rewrites, so_far)
    return AugmentationPreview(
        labelling_config=labelling_config,
        histogram=count_scores(real),
        n_train=len(real),
        n_pending=add_outcomes(so_far).pending,
        plan=plan,
        hit_rates=rates,
        cost=_estimate(store, labelling_config, plan, rates, price_of(labelling_config.label_model, settings)),
    )


def _estimate(
    store: Store,
    labelling_config: LabellingConfig,
    plan: AugmentationPlan,
    rates: tuple[HitRate, ...],
    price: Price | None,
) -> CostEstimate:
    lengths = text_lengths(store, {each.parent_id for each in plan.rewrites})
    characters = fmean(lengths[each.parent_id] for each in plan.rewrites) if plan.rewrites else 0.0
    return estimate_cost(
        price,
        rates,
        rewrite_tokens(mean_usage(store, rewrite_config_of(labelling_config), "rewrite"), characters),
        relabel_tokens(mean_usage(store, labelling_config, "label"), characters),
    )
