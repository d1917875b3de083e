"""Labels for transcripts that have none: plan, buy in batches, and wait for what another process is buying.

Resumable by construction: the ledger says what is wanted, and a rerun asks for that alone.
Knows nothing of HTTP or SQL.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from feedback_model.errors import LabellerError, MissingStage
from feedback_model.feedback import Feedback
from feedback_model.labelling.buying import LabelCounts, Trade, buy, read_orphans
from feedback_model.labelling.client import Labeller
from feedback_model.labelling.replies import read_feedback
from feedback_model.progress import Tracker, check_stop, track
from feedback_model.records import LabelSet
from feedback_model.settings import Settings
from feedback_model.store import claims, ledger
from feedback_model.store.connection import Store
from feedback_model.store.transcripts import count_transcripts

LABELS: Final[Trade[Feedback]] = Trade(read_feedback, ledger.settle_label)
LONG_BATCH: Final = 500  # orders claimed at once where no task boundary asks for fewer: each batch ends with a lull
POLL: Final = 0.5  # seconds between looks at what another process is buying
STANDSTILL: Final = 600.0  # seconds for which another process may hold the same number of claims before we stop waiting


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """What is to be bought for a label set, and how far it has come."""

    request_ids: tuple[str, ...]
    n_done: int
    """Transcripts labelled already."""
    n_failed: int
    """Transcripts set aside after unusable answers."""


def plan_labels(
    store: Store, label_set: LabelSet, *, limit: int | None = None, again_failed: bool = False
) -> LabelPlan:
    """Order what is missing, after reading what a killed process had paid for and freeing what it had claimed.

    Args:
        limit: plan at most so many requests.
        again_failed: ask again where every answer was unusable, too.

    Raises:
        MissingStage: nothing has landed.
    """
    if not count_transcripts(store):
        raise MissingStage("no transcripts have landed; run `feedback land PATH...` first")
    read_orphans(store, "label", LABELS)
    claims.free_dead_claims(store)
    ledger.want_failed_again(store, label_set, "label", spent=again_failed)
    waiting = ledger.ids_in_state(store, label_set, "label", "wanted")
    room = None if limit is None else max(0, limit - len(waiting))
    if room != 0 and ledger.want_labels(store, label_set, room):
        waiting = ledger.ids_in_state(store, label_set, "label", "wanted")
    return LabelPlan(
        waiting[:limit],
        ledger.count_state(store, label_set, "label", "done"),
        ledger.count_state(store, label_set, "label", "failed"),
    )


def demand_labels(store: Store, label_set: LabelSet) -> None:
    """See that asking led somewhere.

    Raises:
        LabellerError: every transcript that was asked about was given up, and none is labelled.
    """
    failed = ledger.count_state(store, label_set, "label", "failed")
    if failed and not ledger.count_state(store, label_set, "label", "done"):
        raise LabellerError(
            f"no usable label came from {label_set.label_model}: {failed} transcripts were given up (the view label_progress "
            "says why); mend the endpoint or choose another model, then run `feedback label --again`"
        )


def batches(request_ids: Sequence[str], size: int = 50) -> Iterator[tuple[str, ...]]:
    """`request_ids` in runs of `size`."""
    return (tuple(request_ids[start : start + size]) for start in range(0, len(request_ids), size))


async def label_batch(
    store: Store, labeller: Labeller, request_ids: Sequence[str], concurrency: int, tracker: Tracker | None = None
) -> LabelCounts:
    """Buy the labels of one batch, as far as nobody else has them in hand.

    Args:
        tracker: counts each request; without one the batch is its own piece of progress.

    Raises:
        LabellingStopped: billing; what is paid is kept, what was not asked is given back. Likewise:
        LabellerError: the endpoint is down, or asks for too long a wait.
        Interrupted: a stop was requested.
    """
    tracker = tracker or track("label", len(request_ids))
    return await buy(store, labeller, request_ids, LABELS, concurrency=concurrency, tracker=tracker)


async def label_missing(
    store: Store,
    labeller: Labeller,
    label_set: LabelSet,
    settings: Settings,
    *,
    limit: int | None = None,
    again_failed: bool = False,
) -> LabelCounts:
    """Buy every missing label (at most `limit`), and wait for those that another process is buying.

    Raises:
        LabellerError, ConfigurationError, Interrupted: as `label_batch`; a rerun goes on from there.
    """
    plan = await asyncio.to_thread(plan_labels, store, label_set, limit=limit, again_failed=again_failed)
    tracker = track("label", plan.n_done + len(plan.request_ids), plan.n_done)
    counts = LabelCounts()
    for batch in batches(plan.request_ids, LONG_BATCH):
        counts += await label_batch(store, labeller, batch, settings.label_concurrency, tracker)
    if limit is None:
        counts += await _see_others_through(store, labeller, label_set, settings)
    return counts


async def _see_others_through(store: Store, labeller: Labeller, label_set: LabelSet, settings: Settings) -> LabelCounts:
    """Wait until no other process holds a claim; buy what one that stopped gave back."""
    counts, held_before, standing = LabelCounts(), -1, 0.0
    while held := await asyncio.to_thread(claims.claimed_elsewhere, store, label_set, "label"):
        standing = standing + POLL if held == held_before else 0.0
        held_before = held
        if standing > STANDSTILL:
            raise LabellerError(
                f"another process has been holding {held} labels for {STANDSTILL:.0f} s without progress"
            )
        check_stop()
        await asyncio.sleep(POLL)
        await asyncio.to_thread(read_orphans, store, "label", LABELS)
        await asyncio.to_thread(claims.free_dead_claims, store)
        counts += await _buy_given_back(store, labeller, label_set, settings)
    return counts + await _buy_given_back(store, labeller, label_set, settings)


async def _buy_given_back(store: Store, labeller: Labeller, label_set: LabelSet, settings: Settings) -> LabelCounts:
    returned = await asyncio.to_thread(ledger.ids_in_state, store, label_set, "label", "wanted")
    if not returned:
        return LabelCounts()
    return await label_batch(store, labeller, returned, settings.label_concurrency)
