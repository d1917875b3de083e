"""Label run: claim requests, ask, commit, read, apply. In that order, whatever happens in between.

Serves labels, rewrites and blind relabels alike; a `ResponseHandler` reads the answer and stores it.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from feedback_model.errors import ConfigurationError, LabellerError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.attempts import AttemptLog
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.peers import sharing_limit
from feedback_model.labelling.prompt_versions import prompt_in_force
from feedback_model.labelling.responses import InvalidResponse, ResponseHandler
from feedback_model.labelling.worker_pool import RequestQueue, run_workers
from feedback_model.progress import Tracker
from feedback_model.records.labels import (
    LabellingConfig,
    LabelRequest,
    Purpose,
    Refusal,
    RequestState,
    UnusableResponse,
    UsableResponse,
)
from feedback_model.store import label_claims, label_requests, label_responses
from feedback_model.store.connection import Store
from feedback_model.store.prompts import record_prompt
from feedback_model.store.writer import Writer

Answer = TypeVar("Answer")
FAILURE_BUDGET: Final = 20  # requests given up after unusable answers, and none answered: the model will not do better


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Counts of a label run."""

    asked: int = 0
    """Requests put to the endpoint."""
    labelled: int = 0
    """Requests that got a usable answer."""
    failed: int = 0
    """Requests set aside; the view `label_progress` says why."""
    cost_usd: float | None = 0.0
    """Of all responses, unusable ones too; None where a price is unknown."""

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
    """Failures of one run, which ends when they are too many."""

    usable: int = 0
    given_up: int = 0
    """Requests whose every answer was unusable."""
    problems: Counter[str] = field(default_factory=Counter[str])
    suspected: list[str] = field(default_factory=list[str])
    """Requests set aside whose refusal may yet turn out to be of key, model or path."""

    def check(self, model: str) -> None:
        """Stop paying for answers where none is of use.

        Raises:
            LabellerError: many requests were given up, and none was answered.
        """
        if self.usable or self.given_up < FAILURE_BUDGET:
            return
        (commonest, times), *_ = self.problems.most_common(1)
        raise LabellerError(
            f"all {self.problems.total()} answers of {model} were unusable, {times} of them for {commonest}, so no more "
            "are paid for; the responses are kept in the table label_response, choose another model with FEEDBACK_LABEL_MODEL"
        )


async def run_requests(
    store: Store,
    labeller: Labeller,
    labelling_config: LabellingConfig,
    purpose: Purpose,
    handler: ResponseHandler[Answer],
    *,
    concurrency: int,
    tracker: Tracker,
    limit: int | None = None,
    budget: int | None = None,
) -> LabelCounts:
    """Answer what is queued and nobody else has claimed; at most `concurrency` requests are in flight.

    Args:
        limit: requests, at most; None for all.
        budget: the most `labelling_config` may cost in all, in billionths of a dollar, earlier runs included.

    Raises:
        LabellerError, ConfigurationError, Interrupted: no further request was sent; what was paid is kept and the
            rest given back. A model whose every answer is unusable is a LabellerError, too.
    """
    await asyncio.to_thread(record_prompt_in_force, store, labelling_config)
    held: set[str] = set()
    queue = RequestQueue(partial(_claim, store, labelling_config, purpose, held), limit)
    counts, failures = LabelCounts(), _FailureBudget()
    try:
        async with sharing_limit(store, labeller), AsyncExitStack() as stack:
            writer = stack.enter_context(Writer(store))
            answer_one = partial(_answer, labeller, AttemptLog(writer, budget), handler, failures)
            heartbeat = partial(writer.post, label_claims.renew_claims, None)
            async with aclosing(run_workers(queue, answer_one, concurrency, heartbeat)) as results:
                async for request_id, result in results:
                    held.discard(request_id)
                    counts += result
                    tracker.advance(detail=", ".join(filter(None, [_money(counts.cost_usd), labeller.status()])))
    except ConfigurationError:  # so the last refusals were not of the documents
        await asyncio.to_thread(label_requests.enqueue_refused_again, store, failures.suspected)
        raise
    finally:
        label_claims.release(store, held)
    return counts


def record_prompt_in_force(store: Store, labelling_config: LabellingConfig) -> None:
    """Keep the text of the prompt beside what it is about to ask."""
    if (used := prompt_in_force(labelling_config)) is not None:
        record_prompt(store, used)


def _claim(
    store: Store, labelling_config: LabellingConfig, purpose: Purpose, held: set[str], count: int
) -> tuple[LabelRequest, ...]:
    requests = label_claims.claim_next(store, labelling_config, purpose, count)
    held.update(request.request_id for request in requests)
    return requests


async def _answer(
    labeller: Labeller,
    attempt_log: AttemptLog,
    handler: ResponseHandler[Answer],
    failures: _FailureBudget,
    request: LabelRequest,
) -> tuple[str, LabelCounts]:
    return request.request_id, await _ask_until_usable(labeller, attempt_log, handler, failures, request)


async def _ask_until_usable(
    labeller: Labeller,
    attempt_log: AttemptLog,
    handler: ResponseHandler[Answer],
    failures: _FailureBudget,
    request: LabelRequest,
) -> LabelCounts:
    spent = LabelCounts(asked=1)
    for n_answers in range(request.attempts + 1, label_requests.MAX_ANSWERS + 1):
        failures.check(request.label_model)
        try:
            received = await labeller.ask(request, attempt_log)
        except APIError as error:
            if error.action == "suspect":
                failures.suspected.append(request.request_id)
            refusal = Refusal(request, error.code, error.message if error.for_good else None)
            await attempt_log.writer.commit(label_responses.mark_failed, refusal)
            return spent + LabelCounts(failed=1)
        response_id = await attempt_log.keep(received)
        spent += LabelCounts(cost_usd=received.paid.cost_usd)
        answer = handler.read(received.paid.body)
        if not isinstance(answer, InvalidResponse):
            await attempt_log.writer.commit(handler.apply, UsableResponse(request, response_id, answer))
            failures.usable += 1
            return spent + LabelCounts(labelled=1)
        failures.problems[answer.code] += 1
        state: RequestState = "claimed" if n_answers < label_requests.MAX_ANSWERS else "failed"
        await attempt_log.writer.commit(
            label_responses.apply_unusable, UnusableResponse(request, response_id, answer.code, state)
        )
        request = replace(request, attempts=n_answers, complaint=answer.code, last_response=received.paid.body)
    failures.given_up += 1
    return spent + LabelCounts(failed=1)


def _money(cost_usd: float | None) -> str:
    return "" if cost_usd is None else f"{cost_usd:.4f} USD"
