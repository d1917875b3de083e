"""Augmentation from plan to verdict: request rewrites, take their texts in, label them blind, keep what hits its target.

Every step reads the store for what is left to do and writes its result there, so a kill anywhere costs at most what was in
flight and a rerun goes on; where the plan is met (or its tries are spent) a rerun does nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from feedback_model.augmentation.planning import MAX_SHARE, AugmentationPlan, Level, count_scores, plan_augmentation
from feedback_model.augmentation.rewrites import Intake, read_rewrite
from feedback_model.errors import MissingStage
from feedback_model.labelling.label import LABEL_HANDLER
from feedback_model.labelling.label_run import LabelCounts, run_requests
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.peers import one_at_a_time
from feedback_model.labelling.prompt_versions import request_version
from feedback_model.labelling.recovery import process_unprocessed, recover_attempts
from feedback_model.labelling.responses import ResponseHandler
from feedback_model.progress import track
from feedback_model.records.labels import LabelledTranscript, LabellingConfig, Purpose
from feedback_model.settings import Settings
from feedback_model.store import augmentations, label_claims, label_requests
from feedback_model.store.augmentations import Rewrite, Verdict, add_outcomes, outcomes_by_level
from feedback_model.store.connection import Store
from feedback_model.store.labels import labelled_transcripts

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class AugmentationSummary:
    """The train part before and after, and the outcome of every rewrite ordered so far."""

    before: Mapping[str, Mapping[int, int]]
    """Real train transcripts by trait and score."""
    after: Mapping[str, Mapping[int, int]]
    """The same with the accepted rewrites."""
    wanted: int
    """Rewrites that a plan for the real transcripts alone asks for."""
    ordered: int
    """Rewrites ordered so far, by any call."""
    accepted: int
    missed_target: int
    near_duplicate: int
    unusable: int
    """Rewrites with no usable text or no usable label."""
    levels: tuple[Level, ...]
    """Every level that the real transcripts leave short, and why what is still lacking is."""
    cost_usd: float | None
    """Of this call, rewrites and blind labels together; None where a price is unknown."""
    total_cost_usd: float | None
    """Of all calls."""
    cost_per_accepted_usd: float | None
    """The same for each rewrite accepted, those that missed included; None where none was or a price is unknown."""


@dataclass
class _Augmentation:
    """One call under way."""

    store: Store
    labeller: Labeller
    labelling_config: LabellingConfig
    concurrency: int
    seed: int
    max_share: float
    left: int | None
    """Rewrites that may still be ordered in this call; None means no limit of its own."""

    def __post_init__(self) -> None:
        self.rewrite_config = rewrite_config_of(self.labelling_config)
        self.rewriting = ResponseHandler(read_rewrite, Intake(self.store).apply)
        self.spent = LabelCounts()

    async def finish_ordered(self) -> None:
        """Bring every rewrite that was ordered to its verdict."""
        handlers: dict[Purpose, ResponseHandler[Any]] = {"rewrite": self.rewriting, "relabel": LABEL_HANDLER}
        await recover_attempts(self.store, self.labeller, self.labelling_config.label_model, handlers)
        await asyncio.to_thread(self._recover)
        await self._run_requests(self.rewrite_config, "rewrite", self.rewriting)
        await asyncio.to_thread(self._order_labels)
        await self._run_requests(self.labelling_config, "relabel", LABEL_HANDLER)
        await asyncio.to_thread(self._judge)

    def _recover(self) -> None:
        process_unprocessed(self.store, "rewrite", self.rewriting)
        process_unprocessed(self.store, "relabel", LABEL_HANDLER)
        label_claims.free_dead_claims(self.store)
        label_requests.enqueue_failed_again(self.store, self.rewrite_config, "rewrite", spent=False)
        label_requests.enqueue_failed_again(self.store, self.labelling_config, "relabel", spent=False)

    async def _run_requests(self, config: LabellingConfig, purpose: Purpose, handler: ResponseHandler[Answer]) -> None:
        n_queued = await asyncio.to_thread(label_requests.count_state, self.store, config, purpose, "queued")
        if n_queued:
            tracker = track(purpose, n_queued)
            self.spent += await run_requests(
                self.store, self.labeller, config, purpose, handler, concurrency=self.concurrency, tracker=tracker
            )

    def _pending(self) -> list[Rewrite]:
        return augmentations.rewrites(self.store, self.rewrite_config, "pending")

    def _order_labels(self) -> None:
        texts = (rewrite.transcript_id for rewrite in self._pending())
        label_requests.enqueue(
            self.store, [label_requests.request_row("relabel", text, self.labelling_config) for text in texts if text]
        )

    def _judge(self) -> None:
        pending = self._pending()
        scores = augmentations.blind_scores(self.store, self.labelling_config, pending)
        no_text, no_label = augmentations.failed_requests(self.store, self.labelling_config, self.rewrite_config)
        verdicts = [self._verdict(rewrite, scores.get(rewrite.request_id)) for rewrite in pending]
        augmentations.settle_verdicts(self.store, [verdict for verdict in verdicts if verdict is not None])
        lost = [each for each in pending if each.request_id in no_text or each.transcript_id in no_label]
        augmentations.settle_verdicts(self.store, [Verdict(each.request_id, "unusable", None) for each in lost])

    def _verdict(self, rewrite: Rewrite, score: int | None) -> Verdict | None:
        if score is None:
            return None
        # A rewrite one score off its target fills a level that was not asked for.
        hit = score == rewrite.target_score
        return Verdict(rewrite.request_id, "accepted" if hit else "missed_target", score)

    def order_more(self) -> int:
        """Order what the plan lacks, as far as limit and tries allow; returns how many rewrites are new."""
        plan = plan_next(self.store, self.labelling_config, max_share=self.max_share, seed=self.seed)
        wanted = [(each.parent_id, each.trait, each.target_score) for each in plan.rewrites[: self.left]]
        new = augmentations.order_rewrites(self.store, self.rewrite_config, wanted)
        self.left = None if self.left is None else self.left - new
        return new


async def augment(
    store: Store,
    labeller: Labeller,
    labelling_config: LabellingConfig,
    settings: Settings,
    *,
    limit: int | None = None,
    seed: int = 0,
    max_share: float = MAX_SHARE,
) -> AugmentationSummary:
    """Make what the train part lacks, and say what became of it. Two calls at once take turns.

    Args:
        limit: order at most so many new rewrites in this call.
        seed: of the choice among equally near parents.
        max_share: rewrites in all, per real train transcript.

    Raises:
        MissingStage: no train transcript has a label of this labelling configuration.
        LabellerError, ConfigurationError, Interrupted: what was paid is kept; a rerun goes on from there.
    """
    await asyncio.to_thread(labelled_train, store, labelling_config)
    job = _Augmentation(
        store,
        labeller,
        labelling_config,
        settings.label_concurrency,
        seed=seed,
        max_share=max_share,
        left=limit,
    )  # fmt: skip
    # Written to the store as it is: a reply that is paid for is kept whoever has the lease by then.
    async with one_at_a_time(store, "augment", "augments"):
        await job.finish_ordered()
        while await asyncio.to_thread(job.order_more):
            await job.finish_ordered()
    return await asyncio.to_thread(
        summarise, store, labelling_config, max_share=max_share, seed=seed, cost_usd=job.spent.cost_usd
    )


def rewrite_config_of(labelling_config: LabellingConfig) -> LabellingConfig:
    """Name the configuration of rewrites: the same model, the prompt that asks for them."""
    return LabellingConfig(labelling_config.label_model, request_version("rewrite", labelling_config.label_model))


def labelled_train(store: Store, labelling_config: LabellingConfig) -> Sequence[LabelledTranscript]:
    """Read the labelled train transcripts, accepted rewrites among them.

    Raises:
        MissingStage: there are none of this labelling configuration.
    """
    train = labelled_transcripts(store, labelling_config, split="train", usable=True)
    if not train:
        raise MissingStage(
            f"no train transcript is labelled by {labelling_config.label_model} with {labelling_config.prompt_version}; "
            "run `feedback label` first"
        )
    return train


def plan_next(
    store: Store, labelling_config: LabellingConfig, *, max_share: float = MAX_SHARE, seed: int = 0
) -> AugmentationPlan:
    """Plan the next rewrites from what the store has; nothing is written.

    Raises:
        MissingStage: no train transcript has a label of this labelling configuration.
    """
    ordered = augmentations.rewrites(store, rewrite_config_of(labelling_config))
    return plan_augmentation(labelled_train(store, labelling_config), ordered, max_share=max_share, seed=seed)


def summarise(
    store: Store,
    labelling_config: LabellingConfig,
    *,
    max_share: float = MAX_SHARE,
    seed: int = 0,
    cost_usd: float | None = 0.0,
) -> AugmentationSummary:
    """Summarise augmentation as the store has it; `cost_usd` is passed through."""
    train = labelled_train(store, labelling_config)
    real = [each for each in train if each.origin == "real"]
    became = add_outcomes(outcomes_by_level(store, rewrite_config_of(labelling_config)))
    return AugmentationSummary(
        before=count_scores(real),
        after=count_scores(train),
        wanted=len(plan_augmentation(real, max_share=max_share, seed=seed).rewrites),
        ordered=became.ordered,
        accepted=became.accepted,
        missed_target=became.missed_target,
        near_duplicate=became.near_duplicate,
        unusable=became.unusable,
        levels=plan_next(store, labelling_config, max_share=max_share, seed=seed).levels,
        cost_usd=cost_usd,
        total_cost_usd=became.cost_usd,
        cost_per_accepted_usd=became.cost_per_accepted_usd,
    )
