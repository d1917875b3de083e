"""What a process that died had sent: its replies fetched from the provider where that kept them, the rest booked as unknown.

The provider keeps replies only where FEEDBACK_STORE_COMPLETIONS says so. Without, nobody can know whether a try that was cut
off was billed; it is then booked at the most it may have cost, and its order is bought again.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from feedback_model.errors import StoreError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.response_handlers import ResponseHandler, apply_response, counted
from feedback_model.labelling.responses import read_envelope
from feedback_model.records.labels import Attempt, Purpose, ReceivedResponse
from feedback_model.store import label_attempts, label_claims, label_responses
from feedback_model.store.connection import Store

AT_ONCE: Final = 16  # searches under way
INTERVAL: Final = 5.0  # seconds between looks at who died
_log = logging.getLogger(__name__)


async def recover_attempts(
    store: Store, labeller: Labeller, model: str, trades: Mapping[Purpose, ResponseHandler[Any]]
) -> int:
    """Account for every try at `model` that lost its sender, and use the replies that are found; returns how many were.

    Args:
        trades: how replies are read, by the purpose of their orders; tries of other purposes are left alone.
    """
    lost = await asyncio.to_thread(label_attempts.take_over_lost_attempts, store, model, tuple(trades))
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(send: Attempt) -> bytes | APIError | None:
        async with gate:
            try:
                return await labeller.find(send.send_id)
            except APIError as refusal:
                return refusal

    looked = dict(zip(lost.sends, await asyncio.gather(*map(look, lost.sends)), strict=True))
    found = {send: body for send, body in looked.items() if isinstance(body, bytes)}
    missing = [send for send, body in looked.items() if body is None]
    await asyncio.to_thread(_use, store, trades, found)
    await asyncio.to_thread(label_attempts.book_unknown, store, missing)
    await asyncio.to_thread(label_claims.release, store, lost.requests - {send.request_id for send in found})
    if unknown := len(lost.sends) - len(found) - len(missing):
        _log.warning("the endpoint does not say whether it kept %d replies; the next run asks again", unknown)
    return len(found)


@asynccontextmanager
async def recovering_meanwhile(
    store: Store, labeller: Labeller, model: str, trades: Mapping[Purpose, ResponseHandler[Any]]
) -> AsyncGenerator[None]:
    """Account for what processes leave behind that die during the block."""
    ended = asyncio.Event()

    async def go_on() -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await ended.wait()
                    return
            try:
                await recover_attempts(store, labeller, model, trades)
            except StoreError as error:
                _log.warning("what others left behind could not be looked for, and will be again: %s", error)

    work = asyncio.create_task(go_on())
    try:
        yield
    finally:
        ended.set()  # what was adopted is seen through; whoever stopped halfway would have to be adopted from in turn
        await work


def _use(store: Store, trades: Mapping[Purpose, ResponseHandler[Any]], found: Mapping[Attempt, bytes]) -> None:
    orders = label_claims.take_over_claims(store, [send.request_id for send in found])
    for send, body in found.items():
        paid = read_envelope(body, send.labelling_config.label_model)
        with store.write() as connection:
            order = orders.pop(send.request_id, None)
            if order is None:  # bought again in the meantime; what this one cost still counts
                label_responses.store_spare_response(connection, send, paid)
                continue
            (reply_id,) = label_responses.store_responses(
                connection, [ReceivedResponse(order, paid, send, reclaimed=True)]
            )
            apply_response(connection, trades[order.purpose], counted(order), reply_id, body)
