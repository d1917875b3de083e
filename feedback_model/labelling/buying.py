"""Buying one batch of orders: claim, ask, commit, read, settle. In that order, whatever happens in between.

Serves labels, rewrites and blind relabels alike; what a usable answer is, and where it lands, the caller says.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, TypeVar

from feedback_model.errors import LabellerError
from feedback_model.labelling.client import Labeller
from feedback_model.labelling.crew import work_through
from feedback_model.labelling.refusals import Refusal
from feedback_model.labelling.replies import Problem
from feedback_model.progress import Tracker
from feedback_model.store import claims, ledger
from feedback_model.store.connection import Store
from feedback_model.store.ledger import Order, Settle
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
    skipped: int = 0
    """Orders that were done already or that another process has in hand."""

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        known = self.cost_usd is not None and other.cost_usd is not None
        return LabelCounts(
            self.asked + other.asked,
            self.labelled + other.labelled,
            self.failed + other.failed,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
            self.skipped + other.skipped,
        )


@dataclass(frozen=True, slots=True)
class Trade(Generic[Answer]):
    """How answers of one kind are read and where they land."""

    read: Callable[[bytes], Answer | Problem]
    settle: Settle[Answer]


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
    request_ids: Sequence[str],
    trade: Trade[Answer],
    *,
    concurrency: int,
    tracker: Tracker,
) -> LabelCounts:
    """Buy those of `request_ids` that nobody else has; at most `concurrency` are in flight.

    Raises:
        LabellerError, ConfigurationError, Interrupted: no further order was sent; what was paid is kept and the
            rest given back. A model whose every answer is unusable is a LabellerError, too.
    """
    orders = await asyncio.to_thread(claims.claim, store, request_ids)
    counts = LabelCounts(skipped=len(request_ids) - len(orders))
    try:
        tracker.advance(counts.skipped)
        with Writer(store) as writer:
            fulfil = partial(_fulfil, labeller, writer, trade, _Worth())
            heartbeat = partial(claims.renew_claims, store)
            async with aclosing(work_through(orders, fulfil, concurrency, heartbeat)) as results:
                async for result in results:
                    counts += result
                    tracker.advance(detail=_money(counts.cost_usd))
    finally:
        claims.release(store, [order.request_id for order in orders])
    return counts


async def _fulfil(labeller: Labeller, writer: Writer, trade: Trade[Answer], worth: _Worth, order: Order) -> LabelCounts:
    spent = LabelCounts(asked=1)
    for attempt in range(order.attempts + 1, ledger.MAX_ANSWERS + 1):
        worth.check(order.label_model)
        try:
            paid = await labeller.ask(order)
        except Refusal as refusal:
            await writer.commit(partial(ledger.settle_failure, order=order, code=refusal.code))
            return spent + LabelCounts(failed=1)
        reply_id = await writer.commit(partial(ledger.keep_reply, order=order, paid=paid))
        spent += LabelCounts(cost_usd=paid.cost_usd)
        answer = trade.read(paid.body)
        if not isinstance(answer, Problem):
            await writer.commit(partial(trade.settle, order=order, reply_id=reply_id, answer=answer))
            worth.usable += 1
            return spent + LabelCounts(labelled=1)
        worth.problems[answer.code] += 1
        state: ledger.RequestState = "claimed" if attempt < ledger.MAX_ANSWERS else "failed"
        await writer.commit(
            partial(ledger.settle_problem, order=order, reply_id=reply_id, problem=answer.code, state=state)
        )
    worth.given_up += 1
    return spent + LabelCounts(failed=1)


def read_orphans(store: Store, purpose: ledger.Purpose, trade: Trade[Answer]) -> int:
    """Read the replies that were committed by a process that died before it read them; returns how many."""
    orphans = claims.adopt_unread(store, purpose)
    for orphan in orphans:
        order, answer = orphan.order, trade.read(orphan.body)
        with store.write() as connection:
            if isinstance(answer, Problem):
                state: ledger.RequestState = "wanted" if order.attempts < ledger.MAX_ANSWERS else "failed"
                ledger.settle_problem(connection, order, orphan.reply_id, answer.code, state)
            else:
                trade.settle(connection, order=order, reply_id=orphan.reply_id, answer=answer)
    return len(orphans)


def _money(cost_usd: float | None) -> str:
    return "" if cost_usd is None else f"{cost_usd:.4f} USD"
