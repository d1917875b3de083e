"""Replies that were paid for, and what becomes of them: kept first, as they came, then read and settled.

Everything takes many at a time, because many arrive together and a commit costs as much as a hundred rows. Knows nothing of
the endpoint, nor of what a reply says.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from feedback_model.records.labels import (
    Answer,
    Attempt,
    Label,
    LabellingConfig,
    LabelRequest,
    PaidResponse,
    ReceivedResponse,
    RequestState,
    Spending,
    UnusableResponse,
    UsableResponse,
)
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.label_attempts import add_spending, in_nanos, mark_attempts
from feedback_model.store.tables import label, label_request, label_response, label_score
from feedback_model.traits import TRAIT_KEYS

Apply = Callable[[Connection, Sequence[UsableResponse[Answer]]], list[None]]
"""Writes down what usable replies give, and that their requests are done; may be called again after a kill."""

_MOVE = (
    update(label_request)
    .where(label_request.c.request_id == bindparam("moved_id"))
    .values(state=bindparam("state_now"), error=bindparam("error_now"), updated_at=bindparam("moment"))
)

_ANSWERED = (
    update(label_request)
    .where(label_request.c.request_id == bindparam("moved_id"))
    .values(state="answered", attempts=label_request.c.attempts + 1, updated_at=bindparam("moment"))
)

_FAULTY = (
    update(label_response)
    .where(label_response.c.response_id == bindparam("faulty_id"))
    .values(problem=bindparam("found"))
)


def store_responses(connection: Connection, kept: Sequence[ReceivedResponse]) -> list[int]:
    """Enter replies that were paid for; returns their ids. Nobody may read one before this is committed."""
    ids = _new_reply_ids(connection, len(kept))
    moment = now()
    connection.execute(
        insert(label_response),
        [_row(reply_id, each.send, each.paid, moment) for reply_id, each in zip(ids, kept, strict=True)],
    )
    connection.execute(_ANSWERED, [{"moved_id": each.order.request_id, "moment": moment} for each in kept])
    mark_attempts(
        connection, [(each.send.send_id, "reclaimed" if each.reclaimed else "answered", None) for each in kept]
    )
    more: dict[LabellingConfig, Spending] = {}
    for each in kept:
        before, after = more.get(each.send.labelling_config, Spending()), _spending(each.send, each.paid)
        more[each.send.labelling_config] = Spending(
            before.spent + after.spent, before.reserved + after.reserved, before.unknown + after.unknown
        )
    add_spending(connection, more)
    return ids


def store_spare_response(connection: Connection, send: Attempt, paid: PaidResponse) -> None:
    """Enter a reply whose request has what it asked for already."""
    (reply_id,) = _new_reply_ids(connection, 1)
    connection.execute(insert(label_response), [_row(reply_id, send, paid, now()) | {"problem": "spare"}])
    mark_attempts(connection, [(send.send_id, "reclaimed", None)])
    add_spending(connection, {send.labelling_config: _spending(send, paid)})


def _spending(send: Attempt, paid: PaidResponse) -> Spending:
    """What a reply moves; one that does not say what it took is booked at the most that it may have cost."""
    if paid.cost_usd is None:
        return Spending(0, -send.reserved, send.reserved)
    return Spending(in_nanos(paid.cost_usd), -send.reserved)


def _new_reply_ids(connection: Connection, count: int) -> list[int]:
    # Handed out here, because a database that returns them row by row takes a multiple of the time.
    if connection.dialect.name == "postgresql":
        numbers = text(
            "SELECT nextval(pg_get_serial_sequence('label_response', 'response_id')) FROM generate_series(1, :count)"
        )
        return list(connection.execute(numbers, {"count": count}).scalars())
    last = connection.execute(select(func.coalesce(func.max(label_response.c.response_id), 0))).scalar_one()
    return list(range(last + 1, last + 1 + count))


def _row(reply_id: int, send: Attempt, paid: PaidResponse, moment: str) -> dict[str, Any]:
    return {
        "response_id": reply_id,
        "request_id": send.request_id,
        "received_at": moment,
        "body": paid.body,
        "provider_id": paid.provider_id,
        "finish_reason": paid.finish_reason,
        "prompt_tokens": paid.prompt_tokens,
        "cached_tokens": paid.cached_tokens,
        "completion_tokens": paid.completion_tokens,
        "cost_usd": paid.cost_usd,
        "attempt_id": send.send_id,
    }


def apply_labels(connection: Connection, settlements: Sequence[UsableResponse[Label]]) -> list[None]:
    """Enter the labels that replies give; their requests are done."""
    insert_missing(connection, label, [_name(each.order) | {"response_id": each.reply_id} for each in settlements])
    insert_missing(connection, label_score, [row for each in settlements for row in _scores(each)])
    return mark_done(connection, [each.order for each in settlements])


def _name(order: LabelRequest) -> dict[str, Any]:
    return {
        "transcript_id": order.transcript_id,
        "label_model": order.label_model,
        "prompt_version": order.prompt_version,
        "replicate": order.replicate,
    }


def _scores(settlement: UsableResponse[Label]) -> list[dict[str, Any]]:
    name, answer = _name(settlement.order), settlement.answer
    expected = answer.expected or (None,) * len(TRAIT_KEYS)
    return [
        {
            **name,
            "trait": key,
            "score": trait.score,
            "explanation": trait.explanation.replace("\x00", ""),
            "expected_score": mean,
        }
        for key, trait, mean in zip(TRAIT_KEYS, answer.feedback.traits, expected, strict=True)
    ]


def mark_done(connection: Connection, orders: Sequence[LabelRequest]) -> list[None]:
    """The requests have what they asked for."""
    return _move(connection, [(order, "done", None) for order in orders])


def apply_unusable(connection: Connection, unusable: Sequence[UnusableResponse]) -> list[None]:
    """Replies cannot be used: book why, and leave their requests in the state that is given."""
    connection.execute(_FAULTY, [{"faulty_id": each.reply_id, "found": each.problem} for each in unusable])
    return _move(connection, [(each.order, each.state, each.problem) for each in unusable])


def mark_failed(connection: Connection, failures: Sequence[tuple[LabelRequest, str]]) -> list[None]:
    """The endpoint does not answer these requests, for the reason with each; they are set aside as failed."""
    return _move(connection, [(order, "failed", code) for order, code in failures])


def _move(connection: Connection, moves: Sequence[tuple[LabelRequest, RequestState, str | None]]) -> list[None]:
    moment = now()
    rows = [
        {"moved_id": order.request_id, "state_now": state, "error_now": error, "moment": moment}
        for order, state, error in moves
    ]
    if rows:
        connection.execute(_MOVE, rows)
    return [None] * len(moves)
