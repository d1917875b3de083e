"""Parse a response and store its result."""

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
    """Reader of one kind of answer, and the statement that stores it."""

    read: Callable[[bytes], Answer | InvalidResponse]
    apply: Apply[Answer]


def process_unprocessed(store: Store, purpose: Purpose, handler: ResponseHandler[Answer]) -> int:
    """Process the responses committed by a process that died before it read them; returns how many."""
    unprocessed = label_claims.take_over_unprocessed(store, purpose)
    for each in unprocessed:
        with store.write() as connection:
            apply_response(connection, handler, each.request, each.response_id, each.body)
    return len(unprocessed)


def apply_response(
    connection: Connection, handler: ResponseHandler[Answer], request: LabelRequest, response_id: int, body: bytes
) -> bool:
    """Read a response that is stored and counted, and store its answer; True if it was of use."""
    answer = handler.read(body)
    if isinstance(answer, InvalidResponse):
        state: RequestState = "queued" if request.attempts < label_requests.MAX_ANSWERS else "failed"
        label_responses.apply_unusable(connection, [UnusableResponse(request, response_id, answer.code, state)])
        return False
    handler.apply(connection, [UsableResponse(request, response_id, answer)])
    return True


def counted(request: LabelRequest) -> LabelRequest:
    """Count one more stored response to `request`."""
    return replace(request, attempts=request.attempts + 1)
