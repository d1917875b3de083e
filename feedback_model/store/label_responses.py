"""Responses that were paid for: stored first, as they came, then read and applied.

Every function takes many at a time, because many arrive together and a commit costs as much as a hundred rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from feedback_model.evidence import find_quotes
from feedback_model.records.labels import (
    Answer,
    Attempt,
    Label,
    LabellingConfig,
    LabelRequest,
    PaidResponse,
    ReceivedResponse,
    Refusal,
    RequestState,
    Spending,
    UnusableResponse,
    UsableResponse,
)
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import DatabaseNow, now
from feedback_model.store.label_attempts import add_spending, in_nanos, mark_attempts
from feedback_model.store.tables import label, label_request, label_response, label_score
from feedback_model.traits import TRAIT_KEYS

Apply = Callable[[Connection, Sequence[UsableResponse[Answer]]], list[None]]
"""Statement that stores usable answers and marks their requests done; may be called again after a kill."""

_MOVE = (
    update(label_request)
    .where(label_request.c.request_id == bindparam("moved_id"))
    .values(
        state=bindparam("state_now"),
        error=bindparam("error_now"),
        detail=bindparam("detail_now"),
        updated_at=DatabaseNow(),
    )
)

_ANSWERED = (
    update(label_request)
    .where(label_request.c.request_id == bindparam("moved_id"))
    .values(state="answered", attempts=label_request.c.attempts + 1, updated_at=DatabaseNow())
)

_FAULTY = (
    update(label_response)
    .where(label_response.c.response_id == bindparam("faulty_id"))
    .values(problem=bindparam("found"))
)


def store_responses(connection: Connection, received: Sequence[ReceivedResponse]) -> list[int]:
    """Insert responses that were paid for; returns their ids. Nobody may read one before this is committed."""
    ids = _new_response_ids(connection, len(received))
    moment = now()
    connection.execute(
        insert(label_response),
        [_row(response_id, each.attempt, each.paid, moment) for response_id, each in zip(ids, received, strict=True)],
    )
    connection.execute(_ANSWERED, [{"moved_id": each.request.request_id} for each in received])
    mark_attempts(
        connection,
        [(each.attempt.attempt_id, "reclaimed" if each.recovered else "answered", None) for each in received],
    )
    more: dict[LabellingConfig, Spending] = {}
    for each in received:
        before, after = more.get(each.attempt.labelling_config, Spending()), _spending(each.attempt, each.paid)
        more[each.attempt.labelling_config] = Spending(
            before.spent + after.spent, before.reserved + after.reserved, before.unknown + after.unknown
        )
    add_spending(connection, more)
    return ids


def store_spare_response(connection: Connection, attempt: Attempt, paid: PaidResponse) -> None:
    """Insert a response whose request is done already."""
    (response_id,) = _new_response_ids(connection, 1)
    connection.execute(insert(label_response), [_row(response_id, attempt, paid, now()) | {"problem": "spare"}])
    mark_attempts(connection, [(attempt.attempt_id, "reclaimed", None)])
    add_spending(connection, {attempt.labelling_config: _spending(attempt, paid)})


def _spending(attempt: Attempt, paid: PaidResponse) -> Spending:
    """Compute the change of the totals; a response without usage is booked at the most that it may have cost."""
    if paid.cost_usd is None:
        return Spending(0, -attempt.reserved, attempt.reserved)
    return Spending(in_nanos(paid.cost_usd), -attempt.reserved)


def _new_response_ids(connection: Connection, count: int) -> list[int]:
    # Handed out here, because a database that returns them row by row takes a multiple of the time.
    if connection.dialect.name == "postgresql":
        numbers = text(
            "SELECT nextval(pg_get_serial_sequence('label_response', 'response_id')) FROM generate_series(1, :count)"
        )
        return list(connection.execute(numbers, {"count": count}).scalars())
    last = connection.execute(select(func.coalesce(func.max(label_response.c.response_id), 0))).scalar_one()
    return list(range(last + 1, last + 1 + count))


def _row(response_id: int, attempt: Attempt, paid: PaidResponse, moment: str) -> dict[str, Any]:
    return {
        "response_id": response_id,
        "request_id": attempt.request_id,
        "received_at": moment,
        "body": paid.body,
        "provider_id": paid.provider_id,
        "finish_reason": paid.finish_reason,
        "prompt_tokens": paid.prompt_tokens,
        "cached_tokens": paid.cached_tokens,
        "completion_tokens": paid.completion_tokens,
        "cost_usd": paid.cost_usd,
        "attempt_id": attempt.attempt_id,
    }


def apply_labels(connection: Connection, answers: Sequence[UsableResponse[Label]]) -> list[None]:
    """Insert the labels and mark their requests done."""
    insert_missing(connection, label, [_name(each.request) | {"response_id": each.response_id} for each in answers])
    insert_missing(connection, label_score, [row for each in answers for row in _scores(each)])
    return mark_done(connection, [each.request for each in answers])


def _name(request: LabelRequest) -> dict[str, Any]:
    return {
        "transcript_id": request.transcript_id,
        "label_model": request.label_model,
        "prompt_version": request.prompt_version,
        "replicate": request.replicate,
    }


def _scores(usable: UsableResponse[Label]) -> list[dict[str, Any]]:
    name, answer = _name(usable.request), usable.answer
    expected = answer.expected or (None,) * len(TRAIT_KEYS)
    quoted = find_quotes(answer.evidence, usable.request.text)
    return [
        {
            **name,
            "trait": key,
            "score": trait.score,
            "explanation": trait.explanation.replace("\x00", ""),
            "expected_score": mean,
            "evidence": quote.replace("\x00", ""),
            "evidence_found": found,
        }
        for key, trait, mean, quote, found in zip(
            TRAIT_KEYS, answer.feedback.traits, expected, answer.evidence, quoted, strict=True
        )
    ]


def mark_done(connection: Connection, requests: Sequence[LabelRequest]) -> list[None]:
    """Mark requests as done."""
    return _move(connection, [_moved(request, "done") for request in requests])


def apply_unusable(connection: Connection, unusable: Sequence[UnusableResponse]) -> list[None]:
    """Write down why responses cannot be used, and leave their requests in the state that is given."""
    connection.execute(_FAULTY, [{"faulty_id": each.response_id, "found": each.problem} for each in unusable])
    return _move(connection, [_moved(each.request, each.state, each.problem) for each in unusable])


def mark_failed(connection: Connection, refusals: Sequence[Refusal]) -> list[None]:
    """Set requests aside as failed, each with the endpoint's reason."""
    return _move(connection, [_moved(each.request, "failed", each.code, each.detail) for each in refusals])


def _moved(
    request: LabelRequest, state: RequestState, error: str | None = None, detail: str | None = None
) -> dict[str, str | None]:
    return {"moved_id": request.request_id, "state_now": state, "error_now": error, "detail_now": detail}


def _move(connection: Connection, rows: Sequence[dict[str, str | None]]) -> list[None]:
    if rows:
        connection.execute(_MOVE, rows)
    return [None] * len(rows)
