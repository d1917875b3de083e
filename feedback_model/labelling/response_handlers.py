"""What a reply is worth: how it is read, and where what it says lands. Knows nothing of how it was bought."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from feedback_model.labelling.responses import InvalidResponse
from feedback_model.records.labels import LabelRequest, Purpose, RequestState, UnusableResponse, UsableResponse
from feedback_model.store import label_claims, label_requests, label_responses
from feedback_model.store.connection import Connection, Store
from feedback_model.store.label_responses import Apply

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ResponseHandler(Generic[Answer]):
    """How answers of one kind are read and where they land."""

    read: Callable[[bytes], Answer | InvalidResponse]
    settle: Apply[Answer]


def process_unprocessed(store: Store, purpose: Purpose, trade: ResponseHandler[Answer]) -> int:
    """Read the replies that were committed by a process that died before it read them; returns how many."""
    unprocessed = label_claims.take_over_unprocessed(store, purpose)
    for each_unprocessed in unprocessed:
        with store.write() as connection:
            apply_response(connection, trade, each_unprocessed.order, each_unprocessed.reply_id, each_unprocessed.body)
    return len(unprocessed)


def apply_response(
    connection: Connection, trade: ResponseHandler[Answer], order: LabelRequest, reply_id: int, body: bytes
) -> bool:
    """Read a reply that is kept and counted among the attempts of `order`, and write down what it gives; True if of use."""
    answer = trade.read(body)
    if isinstance(answer, InvalidResponse):
        state: RequestState = "queued" if order.attempts < label_requests.MAX_ANSWERS else "failed"
        label_responses.apply_unusable(connection, [UnusableResponse(order, reply_id, answer.code, state)])
        return False
    trade.settle(connection, [UsableResponse(order, reply_id, answer)])
    return True


def counted(order: LabelRequest) -> LabelRequest:
    """`order` after one more reply to it was kept."""
    return replace(order, attempts=order.attempts + 1)
