"""Label the transcripts that have no label: plan, ask, and wait for what another process has claimed.

Resumable by construction: missing labels are requests in the store, and a rerun asks for those alone.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from feedback_model.errors import LabellerError, MissingStage
from feedback_model.labelling.attempts import in_budget
from feedback_model.labelling.label_run import LabelCounts, run_requests
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.recovery import process_unprocessed, recover_attempts, recovering_meanwhile
from feedback_model.labelling.responses import ResponseHandler, read_label
from feedback_model.progress import Tracker, check_stop, track
from feedback_model.records.labels import Label, LabellingConfig, Purpose
from feedback_model.settings import Settings
from feedback_model.store import label_claims, label_requests, label_responses
from feedback_model.store.connection import Store
from feedback_model.store.owners import describe_owner
from feedback_model.store.transcripts import count_transcripts
from feedback_model.waiting import Waiting

LABEL_HANDLER: Final[ResponseHandler[Label]] = ResponseHandler(read_label, label_responses.apply_labels)
HANDLERS: Final[Mapping[Purpose, ResponseHandler[Label]]] = {"label": LABEL_HANDLER, "relabel": LABEL_HANDLER}
"""Handlers of all that counts against the budget of a labelling configuration."""
POLL: Final = 0.5  # seconds between looks at the claims of other processes
SHARED_FROM: Final = 500  # missing labels; fewer are there before another host has begun
STANDSTILL: Final = 600.0  # seconds for which another process may hold the same number of claims before we stop waiting


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """Counts of the labels that are missing, done and failed."""

    n_queued: int
    """Labels that are missing, those of the hidden sample that is labelled again included."""
    n_done: int
    n_failed: int
    """Set aside after unusable answers, or refused for good."""


def plan_labels(
    store: Store,
    labelling_config: LabellingConfig,
    *,
    limit: int | None = None,
    again_failed: bool = False,
    relabel_share: float = 0.0,
) -> LabelPlan:
    """Queue what is missing, after reading what a killed process had paid for and freeing what it had claimed.

    Args:
        limit: queue no more than that many.
        again_failed: ask again where every answer was unusable or the endpoint refused, too.
        relabel_share: share of newly queued transcripts that is labelled a second time, to measure the labeller's noise.

    Raises:
        MissingStage: nothing has landed.
    """
    if not count_transcripts(store):
        raise MissingStage("no transcripts have landed; run `feedback land PATH...` first")
    recover(store)
    label_requests.enqueue_failed_again(store, labelling_config, "label", spent=again_failed)
    n_queued = label_requests.count_state(store, labelling_config, "label", "queued")
    room = None if limit is None else max(0, limit - n_queued)
    if room != 0 and label_requests.enqueue_labels(store, labelling_config, room, relabel_share):
        n_queued = label_requests.count_state(store, labelling_config, "label", "queued")
    return LabelPlan(
        n_queued if limit is None else min(limit, n_queued),
        label_requests.count_state(store, labelling_config, "label", "done"),
        label_requests.count_state(store, labelling_config, "label", "failed"),
    )


def is_worth_sharing(store: Store, labelling_config: LabellingConfig) -> bool:
    """Tell whether so many labels are missing that a second host is of use."""
    missing = label_requests.measure_missing(store, labelling_config)
    return missing.n_unasked + missing.n_queued >= SHARED_FROM


def recover(store: Store) -> None:
    """Take over from processes that died: read what they had paid for, free what they had claimed."""
    process_unprocessed(store, "label", LABEL_HANDLER)
    label_claims.free_dead_claims(store)


async def recover_and_plan(
    store: Store,
    labeller: Labeller,
    labelling_config: LabellingConfig,
    settings: Settings,
    limit: int | None,
    *,
    again_failed: bool,
) -> LabelPlan:
    """Recover the attempts of processes that died, then `plan_labels`."""
    await recover_attempts(store, labeller, labelling_config.label_model, HANDLERS)
    share = settings.relabel_share
    return await asyncio.to_thread(
        plan_labels, store, labelling_config, limit=limit, again_failed=again_failed, relabel_share=share
    )


def require_labels(store: Store, labelling_config: LabellingConfig) -> None:
    """Fail if no transcript was labelled.

    Raises:
        LabellerError: every transcript that was asked about was given up, and none is labelled.
    """
    failed = label_requests.count_state(store, labelling_config, "label", "failed")
    if failed and not label_requests.count_state(store, labelling_config, "label", "done"):
        raise LabellerError(
            f"no usable label came from {labelling_config.label_model}: {failed} transcripts were given up "
            "(the view label_progress says why); repair the endpoint or choose another FEEDBACK_LABEL_MODEL, then run "
            "`feedback label --again`"
        )


async def label_missing(
    store: Store,
    labeller: Labeller,
    labelling_config: LabellingConfig,
    settings: Settings,
    *,
    limit: int | None = None,
    again_failed: bool = False,
    budget: float | None = None,
) -> LabelCounts:
    """Label what is missing (at most `limit`), and wait for what another process has claimed.

    Args:
        budget: USD that the labelling configuration may cost in all, earlier runs included.

    Raises:
        LabellingStopped: billing or the budget; what is paid is kept, what was not asked is given back. Likewise:
        LabellerError: the endpoint is down, or asks for too long a wait.
        ConfigurationError, Interrupted: a rerun goes on from there.
    """
    model = labelling_config.label_model
    budget_nanos = in_budget(budget, model, labeller.envelopes.price_of(model))
    plan = await recover_and_plan(store, labeller, labelling_config, settings, limit, again_failed=again_failed)
    run = _LabelRun(store, labeller, labelling_config, settings, budget_nanos)
    tracker = track("label", plan.n_done + plan.n_queued, plan.n_done)
    counts = await run.label(tracker, limit) if plan.n_queued else LabelCounts()
    if limit is None:
        counts += await run.wait_for_others()
    return counts


def _holders(owners: Mapping[str, int]) -> str:
    return ", ".join(f"{count} held by {describe_owner(owner)}" for owner, count in owners.items())


@dataclass(frozen=True, slots=True)
class _LabelRun:
    """One run that labels what is missing."""

    store: Store
    labeller: Labeller
    labelling_config: LabellingConfig
    settings: Settings
    budget: int | None

    async def label(self, tracker: Tracker, limit: int | None = None) -> LabelCounts:
        store, labeller, labelling_config = self.store, self.labeller, self.labelling_config
        async with AsyncExitStack() as stack:
            if self.budget is not None:  # the budget would wait for what dead processes have reserved
                meanwhile = recovering_meanwhile(store, labeller, labelling_config.label_model, HANDLERS)
                await stack.enter_async_context(meanwhile)
            return await run_requests(
                store,
                labeller,
                labelling_config,
                "label",
                LABEL_HANDLER,
                concurrency=self.settings.label_concurrency,
                tracker=tracker,
                limit=limit,
                budget=self.budget,
            )

    async def wait_for_others(self) -> LabelCounts:
        """Wait until no other process holds a claim; label what one that stopped gave back."""
        counts, held_before, unchanged_for = await self._label_given_back(), -1, 0.0
        owners: dict[str, int] = {}
        way_out = "Ctrl-C stops this command; what that process has paid for is kept"
        waiting = Waiting(
            "another process that labels with the same model and prompt", way_out, lambda: _holders(owners)
        )
        while owners := await asyncio.to_thread(
            label_claims.claimed_elsewhere, self.store, self.labelling_config, "label"
        ):
            held = sum(owners.values())
            waiting.look()
            unchanged_for = unchanged_for + POLL if held == held_before else 0.0
            held_before = held
            if unchanged_for > STANDSTILL:
                raise LabellerError(
                    f"another process has been holding {held} labels for {STANDSTILL:.0f} s without progress"
                )
            check_stop()
            await asyncio.sleep(POLL)
            await recover_attempts(self.store, self.labeller, self.labelling_config.label_model, HANDLERS)
            await asyncio.to_thread(recover, self.store)
            counts += await self._label_given_back()
        return counts

    async def _label_given_back(self) -> LabelCounts:
        returned = await asyncio.to_thread(
            label_requests.count_state, self.store, self.labelling_config, "label", "queued"
        )
        return await self.label(track("label", returned)) if returned else LabelCounts()
