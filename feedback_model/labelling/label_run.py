"""Buying what is wanted: claim, ask, commit, read, settle. In that order, whatever happens in between.

Serves labels, rewrites and blind relabels alike; what a usable answer is, and where it lands, the caller says.
"""

from collections import Counter
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from feedback_model.errors import LabellerError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.attempts import AttemptLog
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.peers import sharing_limit
from feedback_model.labelling.response_handlers import ResponseHandler
from feedback_model.labelling.responses import InvalidResponse
from feedback_model.labelling.worker_pool import RequestQueue, run_workers
from feedback_model.progress import Tracker
from feedback_model.records.labels import (
    LabellingConfig,
    LabelRequest,
    Purpose,
    RequestState,
    UnusableResponse,
    UsableResponse,
)
from feedback_model.store import label_claims, label_requests, label_responses
from feedback_model.store.connection import Store
from feedback_model.store.writer import Writer

Answer = TypeVar("Answer")
FAILURE_BUDGET: Final = 20  # orders given up after unusable answers, and none fulfilled: the model will not do better


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
class _FailureBudget:
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
        if self.usable or self.given_up < FAILURE_BUDGET:
            return
        (commonest, times), *_ = self.problems.most_common(1)
        raise LabellerError(
            f"all {self.problems.total()} answers of {model} were unusable, {times} of them for {commonest}, so no more "
            "are paid for; the replies are kept in the table reply, choose another model with FEEDBACK_LABEL_MODEL"
        )


async def run_requests(
    store: Store,
    labeller: Labeller,
    labelling_config: LabellingConfig,
    purpose: Purpose,
    trade: ResponseHandler[Answer],
    *,
    concurrency: int,
    tracker: Tracker,
    limit: int | None = None,
    budget: int | None = None,
) -> LabelCounts:
    """Buy what is wanted and nobody else has in hand; at most `concurrency` orders are in flight.

    Args:
        limit: of orders; None for all.
        budget: what `labelling_config` may cost in all, in billionths of a dollar, earlier runs included.

    Raises:
        LabellerError, ConfigurationError, Interrupted: no further order was sent; what was paid is kept and the
            rest given back. A model whose every answer is unusable is a LabellerError, too.
    """
    held: set[str] = set()
    feed = RequestQueue(partial(_claim, store, labelling_config, purpose, held), limit)
    counts = LabelCounts()
    try:
        async with sharing_limit(store, labeller), AsyncExitStack() as stack:
            writer = stack.enter_context(Writer(store))
            fulfil = partial(_fulfil, labeller, AttemptLog(writer, budget), trade, _FailureBudget())
            heartbeat = partial(writer.post, label_claims.renew_claims, None)
            async with aclosing(run_workers(feed, fulfil, concurrency, heartbeat)) as results:
                async for request_id, result in results:
                    held.discard(request_id)
                    counts += result
                    tracker.advance(detail=f"{_money(counts.cost_usd)} {labeller.standing()}".strip())
    finally:
        label_claims.release(store, held)
    return counts


def _claim(
    store: Store, labelling_config: LabellingConfig, purpose: Purpose, held: set[str], count: int
) -> tuple[LabelRequest, ...]:
    orders = label_claims.claim_next(store, labelling_config, purpose, count)
    held.update(order.request_id for order in orders)
    return orders


async def _fulfil(
    labeller: Labeller,
    attempt_log: AttemptLog,
    trade: ResponseHandler[Answer],
    worth: _FailureBudget,
    order: LabelRequest,
) -> tuple[str, LabelCounts]:
    return order.request_id, await _pursue(labeller, attempt_log, trade, worth, order)


async def _pursue(
    labeller: Labeller,
    attempt_log: AttemptLog,
    trade: ResponseHandler[Answer],
    worth: _FailureBudget,
    order: LabelRequest,
) -> LabelCounts:
    spent = LabelCounts(asked=1)
    for attempt in range(order.attempts + 1, label_requests.MAX_ANSWERS + 1):
        worth.check(order.label_model)
        try:
            kept = await labeller.ask(order, attempt_log)
        except APIError as refusal:
            await attempt_log.writer.commit(label_responses.mark_failed, (order, refusal.code))
            return spent + LabelCounts(failed=1)
        reply_id = await attempt_log.keep(kept)
        spent += LabelCounts(cost_usd=kept.paid.cost_usd)
        answer = trade.read(kept.paid.body)
        if not isinstance(answer, InvalidResponse):
            await attempt_log.writer.commit(trade.settle, UsableResponse(order, reply_id, answer))
            worth.usable += 1
            return spent + LabelCounts(labelled=1)
        worth.problems[answer.code] += 1
        state: RequestState = "claimed" if attempt < label_requests.MAX_ANSWERS else "failed"
        await attempt_log.writer.commit(
            label_responses.apply_unusable, UnusableResponse(order, reply_id, answer.code, state)
        )
        order = replace(order, attempts=attempt, complaint=answer.code)
    worth.given_up += 1
    return spent + LabelCounts(failed=1)


def _money(cost_usd: float | None) -> str:
    return "" if cost_usd is None else f"{cost_usd:.4f} USD"
