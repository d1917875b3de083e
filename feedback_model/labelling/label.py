"""Labels for transcripts that have none: plan, buy, and wait for what another process is buying.

Resumable by construction: the ledger says what is wanted, and a rerun asks for that alone.
Knows nothing of HTTP or SQL.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from feedback_model.errors import LabellerError, MissingStage
from feedback_model.labelling.label_run import LabelCounts, run_requests
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.recovery import recover_attempts, recovering_meanwhile
from feedback_model.labelling.requests import in_budget
from feedback_model.labelling.response_handlers import ResponseHandler, process_unprocessed
from feedback_model.labelling.responses import read_label
from feedback_model.progress import Tracker, check_stop, track
from feedback_model.records.labels import Label, LabellingConfig, Purpose
from feedback_model.settings import Settings
from feedback_model.store import label_claims, label_requests, label_responses
from feedback_model.store.connection import Store
from feedback_model.store.locks import describe_owner
from feedback_model.store.transcripts import count_transcripts
from feedback_model.waiting import Waiting

LABEL_HANDLER: Final[ResponseHandler[Label]] = ResponseHandler(read_label, label_responses.apply_labels)
HANDLERS: Final[Mapping[Purpose, ResponseHandler[Label]]] = {"label": LABEL_HANDLER, "relabel": LABEL_HANDLER}
"""All that is bought for a label set, and counts against its budget."""
POLL: Final = 0.5  # seconds between looks at what another process is buying
STANDSTILL: Final = 600.0  # seconds for which another process may hold the same number of claims before we stop waiting


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """What is to be bought for a label set, and how far it has come."""

    n_wanted: int
    """Labels that are missing, those of the hidden sample that is labelled twice included."""
    n_done: int
    n_failed: int
    """Set aside after unusable answers."""


def plan_labels(
    store: Store,
    labelling_config: LabellingConfig,
    *,
    limit: int | None = None,
    again_failed: bool = False,
    relabel_share: float = 0.0,
) -> LabelPlan:
    """Order what is missing, after reading what a killed process had paid for and freeing what it had claimed.

    Args:
        limit: order no more than that many are wanted.
        again_failed: ask again where every answer was unusable, too.
        relabel_share: of newly ordered transcripts, how many are labelled a second time, to measure the labeller's noise.

    Raises:
        MissingStage: nothing has landed.
    """
    if not count_transcripts(store):
        raise MissingStage("no transcripts have landed; run `feedback land PATH...` first")
    recover(store)
    label_requests.enqueue_failed_again(store, labelling_config, "label", spent=again_failed)
    waiting = label_requests.count_state(store, labelling_config, "label", "queued")
    room = None if limit is None else max(0, limit - waiting)
    if room != 0 and label_requests.enqueue_labels(store, labelling_config, room, relabel_share):
        waiting = label_requests.count_state(store, labelling_config, "label", "queued")
    return LabelPlan(
        waiting if limit is None else min(limit, waiting),
        label_requests.count_state(store, labelling_config, "label", "done"),
        label_requests.count_state(store, labelling_config, "label", "failed"),
    )


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
    """`plan_labels`, after accounting for what processes that died had sent: found at the provider, or booked as unknown."""
    await recover_attempts(store, labeller, labelling_config.label_model, HANDLERS)
    share = settings.relabel_share
    return await asyncio.to_thread(
        plan_labels, store, labelling_config, limit=limit, again_failed=again_failed, relabel_share=share
    )


def require_labels(store: Store, labelling_config: LabellingConfig) -> None:
    """See that asking led somewhere.

    Raises:
        LabellerError: every transcript that was asked about was given up, and none is labelled.
    """
    failed = label_requests.count_state(store, labelling_config, "label", "failed")
    if failed and not label_requests.count_state(store, labelling_config, "label", "done"):
        raise LabellerError(
            f"no usable label came from {labelling_config.label_model}: {failed} transcripts were given up "
            "(the view label_progress "
            "says why); mend the endpoint or choose another FEEDBACK_LABEL_MODEL, then run `feedback label --again`"
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
    """Buy every missing label (at most `limit`), and wait for those that another process is buying.

    Args:
        budget: USD that the label set may cost in all, earlier runs included.

    Raises:
        LabellingStopped: billing or the budget; what is paid is kept, what was not asked is given back. Likewise:
        LabellerError: the endpoint is down, or asks for too long a wait.
        ConfigurationError, Interrupted: a rerun goes on from there.
    """
    most = in_budget(budget, labelling_config.label_model)
    plan = await recover_and_plan(store, labeller, labelling_config, settings, limit, again_failed=again_failed)
    shop = _Shop(store, labeller, labelling_config, settings, most)
    tracker = track("label", plan.n_done + plan.n_wanted, plan.n_done)
    counts = await shop.buy(tracker, limit) if plan.n_wanted else LabelCounts()
    if limit is None:
        counts += await shop.see_others_through()
    return counts


def _holders(owners: Mapping[str, int]) -> str:
    return ", ".join(f"{count} held by {describe_owner(owner)}" for owner, count in owners.items())


@dataclass(frozen=True, slots=True)
class _Shop:
    """Everything that buying labels takes."""

    store: Store
    labeller: Labeller
    labelling_config: LabellingConfig
    settings: Settings
    budget: int | None

    async def buy(self, tracker: Tracker, limit: int | None = None) -> LabelCounts:
        store, labeller, labelling_config = self.store, self.labeller, self.labelling_config
        async with AsyncExitStack() as stack:
            if self.budget is not None:  # what processes that die have reserved would be waited for
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

    async def see_others_through(self) -> LabelCounts:
        """Wait until no other process holds a claim; buy what one that stopped gave back."""
        counts, held_before, status = await self._buy_given_back(), -1, 0.0
        owners: dict[str, int] = {}
        way_out = "Ctrl-C stops this command; what that process has paid for is kept"
        waiting = Waiting("another process that buys labels of the same set", way_out, lambda: _holders(owners))
        while owners := await asyncio.to_thread(
            label_claims.claimed_elsewhere, self.store, self.labelling_config, "label"
        ):
            held = sum(owners.values())
            waiting.look()
            status = status + POLL if held == held_before else 0.0
            held_before = held
            if status > STANDSTILL:
                raise LabellerError(
                    f"another process has been holding {held} labels for {STANDSTILL:.0f} s without progress"
                )
            check_stop()
            await asyncio.sleep(POLL)
            await recover_attempts(self.store, self.labeller, self.labelling_config.label_model, HANDLERS)
            await asyncio.to_thread(recover, self.store)
            counts += await self._buy_given_back()
        return counts

    async def _buy_given_back(self) -> LabelCounts:
        returned = await asyncio.to_thread(
            label_requests.count_state, self.store, self.labelling_config, "label", "queued"
        )
        return await self.buy(track("label", returned)) if returned else LabelCounts()
