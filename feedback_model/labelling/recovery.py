"""Recover requests left in flight by a crashed process.

Their responses are fetched from the provider, which stores them only where FEEDBACK_STORE_COMPLETIONS says so. Without, nobody
can know whether an attempt that was cut off was billed; it is booked at the most it may have cost, and asked again.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from feedback_model.errors import StoreError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.envelopes import EnvelopeReader
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.responses import ResponseHandler, apply_response, counted
from feedback_model.records.labels import Attempt, Purpose, ReceivedResponse
from feedback_model.store import label_attempts, label_claims, label_responses
from feedback_model.store.connection import Store

AT_ONCE: Final = 16  # searches under way
INTERVAL: Final = 5.0  # seconds between looks at who died
Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


def process_unprocessed(store: Store, purpose: Purpose, handler: ResponseHandler[Answer]) -> int:
    """Process the responses committed by a process that died before it read them; returns how many."""
    unprocessed = label_claims.take_over_unprocessed(store, purpose)
    for each in unprocessed:
        with store.write() as connection:
            apply_response(connection, handler, each.request, each.response_id, each.body)
    return len(unprocessed)


async def recover_attempts(
    store: Store, labeller: Labeller, model: str, handlers: Mapping[Purpose, ResponseHandler[Any]]
) -> int:
    """Account for every attempt at `model` that lost its sender, and use the responses that are found; returns how many were.

    Args:
        handlers: readers of responses, by the purpose of their requests; attempts of other purposes are left alone.
    """
    lost = await asyncio.to_thread(label_attempts.take_over_lost_attempts, store, model, tuple(handlers))
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(attempt: Attempt) -> bytes | APIError | None:
        async with gate:
            try:
                return await labeller.find(attempt.attempt_id)
            except APIError as error:
                return error

    looked = dict(zip(lost.attempts, await asyncio.gather(*map(look, lost.attempts)), strict=True))
    found = {attempt: body for attempt, body in looked.items() if isinstance(body, bytes)}
    missing = [attempt for attempt, body in looked.items() if body is None]
    await asyncio.to_thread(_apply_found, store, labeller.envelopes, handlers, found)
    await asyncio.to_thread(label_attempts.book_unknown, store, missing)
    await asyncio.to_thread(label_claims.release, store, lost.requests - {attempt.request_id for attempt in found})
    if unknown := len(lost.attempts) - len(found) - len(missing):
        _log.warning("the endpoint does not say whether it stored %d responses; the next run asks again", unknown)
    return len(found)


@asynccontextmanager
async def recovering_meanwhile(
    store: Store, labeller: Labeller, model: str, handlers: Mapping[Purpose, ResponseHandler[Any]]
) -> AsyncGenerator[None]:
    """Recover, during the block, what processes leave behind that die meanwhile."""
    ended = asyncio.Event()

    async def go_on() -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await ended.wait()
                    return
            try:
                await recover_attempts(store, labeller, model, handlers)
            except StoreError as error:
                _log.warning("requests of crashed processes could not be looked for, the next look follows: %s", error)

    work = asyncio.create_task(go_on())
    try:
        yield
    finally:
        ended.set()  # what was taken over is finished; stopped halfway, it would have to be taken over again
        await work


def _apply_found(
    store: Store,
    envelopes: EnvelopeReader,
    handlers: Mapping[Purpose, ResponseHandler[Any]],
    found: Mapping[Attempt, bytes],
) -> None:
    requests = label_claims.take_over_claims(store, [attempt.request_id for attempt in found])
    for attempt, body in found.items():
        paid = envelopes.read(body, attempt.labelling_config.label_model)
        with store.write() as connection:
            request = requests.pop(attempt.request_id, None)
            if request is None:  # answered again in the meantime; the cost of this one still counts
                label_responses.store_spare_response(connection, attempt, paid)
                continue
            (response_id,) = label_responses.store_responses(
                connection, [ReceivedResponse(request, paid, attempt, recovered=True)]
            )
            apply_response(connection, handlers[request.purpose], counted(request), response_id, body)
