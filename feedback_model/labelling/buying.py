"""Buying what is wanted: claim, ask, commit, read, settle. In that order, whatever happens in between.

Serves labels, rewrites and blind relabels alike; what a usable answer is, and where it lands, the caller says.
"""

from collections import Counter
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from feedback_model.errors import LabellerError
from feedback_model.labelling.crew import Feed, work_through
from feedback_model.labelling.journal import Journal
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.refusals import Refusal
from feedback_model.labelling.replies import Problem
from feedback_model.labelling.sharing import sharing
from feedback_model.labelling.trading import Trade
from feedback_model.progress import Tracker
from feedback_model.records import LabelSet
from feedback_model.store import claims, ledger, replies
from feedback_model.store.connection import Store
from feedback_model.store.replies import Settlement, Unusable
from feedback_model.store.writer import Writer

Answer = TypeVar("Answer")
HOPELESS: Final = 20  # orders given up after unusable answers, and none fulfilled: the model will not do better


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """What became of orders."""

    asked: int = 0
    """Orders put to the endpoint."""
    labelled: int = 0
    """Orders that got a usable answer."""
    failed: int = 0
    """Orders set aside; `request.error` says why."""
    cost_usd: float | None = 0.0
    """Of all replies, unusable ones too; None where a price is unknown."""

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        known = self.cost_usd is not None and other.cost_usd is not None
        return LabelCounts(
            self.asked + other.asked,
            self.labelled + other.labelled,
            self.failed + other.failed,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )


@dataclass(slots=True)
class _Worth:
    """What the answers that were paid for have been worth so far in one purchase."""

    usable: int = 0
    given_up: int = 0
    """Orders whose every answer was unusable."""
    problems: Counter[str] = field(default_factory=Counter[str])

    def check(self, model: str) -> None:
        """Let no further answer be paid for where none is of use.

        Raises:
            LabellerError: many orders were given up, and none was fulfilled.
        """
        if self.usable or self.given_up < HOPELESS:
            return
        (commonest, times), *_ = self.problems.most_common(1)
        raise LabellerError(
            f"all {self.problems.total()} answers of {model} were unusable, {times} of them for {commonest}, so no more "
            "are paid for; the replies are kept in the table reply, choose another model with FEEDBACK_LABEL_MODEL"
        )


async def buy(
    store: Store,
    labeller: Labeller,
    label_set: LabelSet,
    purpose: ledger.Purpose,
    trade: Trade[Answer],
    *,
    concurrency: int,
    tracker: Tracker,
    limit: int | None = None,
    budget: int | None = None,
) -> LabelCounts:
    """Buy what is wanted and nobody else has in hand; at most `concurrency` orders are in flight.

    Args:
        limit: of orders; None for all.
        budget: what `label_set` may cost in all, in billionths of a dollar, earlier runs included.

    Raises:
        LabellerError, ConfigurationError, Interrupted: no further order was sent; what was paid is kept and the
            rest given back. A model whose every answer is unusable is a LabellerError, too.
    """
    held: set[str] = set()
    feed = Feed(partial(_claim, store, label_set, purpose, held), limit)
    counts = LabelCounts()
    try:
        async with sharing(store, labeller), AsyncExitStack() as stack:
            writer = stack.enter_context(Writer(store))
            fulfil = partial(_fulfil, labeller, Journal(writer, budget), trade, _Worth())
            heartbeat = partial(writer.post, claims.renew_claims, None)
            async with aclosing(work_through(feed, fulfil, concurrency, heartbeat)) as results:
                async for request_id, result in results:
                    held.discard(request_id)
                    counts += result
                    tracker.advance(detail=f"{_money(counts.cost_usd)} {labeller.standing()}".strip())
    finally:
        claims.release(store, held)
    return counts


def _claim(
    store: Store, label_set: LabelSet, purpose: ledger.Purpose, held: set[str], count: int
) -> tuple[ledger.Order, ...]:
    orders = claims.claim_next(store, label_set, purpose, count)
    held.update(order.request_id for order in orders)
    return orders


async def _fulfil(
    labeller: Labeller, journal: Journal, trade: Trade[Answer], worth: _Worth, order: ledger.Order
) -> tuple[str, LabelCounts]:
    return order.request_id, await _pursue(labeller, journal, trade, worth, order)


async def _pursue(
    labeller: Labeller, journal: Journal, trade: Trade[Answer], worth: _Worth, order: ledger.Order
) -> LabelCounts:
    spent = LabelCounts(asked=1)
    for attempt in range(order.attempts + 1, ledger.MAX_ANSWERS + 1):
        worth.check(order.label_model)
        try:
            kept = await labeller.ask(order, journal)
        except Refusal as refusal:
            await journal.writer.commit(replies.settle_failures, (order, refusal.code))
            return spent + LabelCounts(failed=1)
        reply_id = await journal.keep(kept)
        spent += LabelCounts(cost_usd=kept.paid.cost_usd)
        answer = trade.read(kept.paid.body)
        if not isinstance(answer, Problem):
            await journal.writer.commit(trade.settle, Settlement(order, reply_id, answer))
            worth.usable += 1
            return spent + LabelCounts(labelled=1)
        worth.problems[answer.code] += 1
        state: ledger.RequestState = "claimed" if attempt < ledger.MAX_ANSWERS else "failed"
        await journal.writer.commit(replies.settle_problems, Unusable(order, reply_id, answer.code, state))
        order = replace(order, attempts=attempt, complaint=answer.code)
    worth.given_up += 1
    return spent + LabelCounts(failed=1)


def _money(cost_usd: float | None) -> str:
    return "" if cost_usd is None else f"{cost_usd:.4f} USD"
