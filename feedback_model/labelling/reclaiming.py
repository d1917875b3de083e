"""What a process that died had sent: its replies fetched from the provider where that kept them, the rest booked as unknown.

The provider keeps replies only where FEEDBACK_STORE_COMPLETIONS says so. Without, nobody can know whether a try that was cut
off was billed; it is then booked at the most it may have cost, and its order is bought again.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.replies import read_envelope
from feedback_model.labelling.trading import Trade, counted, settle_reply
from feedback_model.store import claims, replies, sends
from feedback_model.store.connection import Store
from feedback_model.store.ledger import Purpose

AT_ONCE: Final = 16  # searches under way
INTERVAL: Final = 5.0  # seconds between looks at who died


async def reclaim(store: Store, labeller: Labeller, trades: Mapping[Purpose, Trade[Any]]) -> int:
    """Account for every try that lost its sender, and use the replies that are found; returns how many were.

    Args:
        trades: how replies are read, by the purpose of their orders; tries of other purposes are left alone.
    """
    lost = await asyncio.to_thread(sends.adopt_lost_sends, store, tuple(trades))
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(send: sends.Send) -> bytes | None:
        async with gate:
            return await labeller.find(send.send_id)

    bodies = await asyncio.gather(*map(look, lost.sends))
    found = {send: body for send, body in zip(lost.sends, bodies, strict=True) if body is not None}
    await asyncio.to_thread(_use, store, trades, found)
    missing = [send for send in lost.sends if send not in found]
    await asyncio.to_thread(sends.book_unknown, store, missing)
    unanswered = lost.requests - {send.request_id for send in found}
    await asyncio.to_thread(claims.release, store, unanswered)
    return len(found)


@asynccontextmanager
async def reclaiming_meanwhile(
    store: Store, labeller: Labeller, trades: Mapping[Purpose, Trade[Any]]
) -> AsyncGenerator[None]:
    """Account for what processes leave behind that die during the block."""

    async def go_on() -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await reclaim(store, labeller, trades)

    work = asyncio.create_task(go_on())
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def _use(store: Store, trades: Mapping[Purpose, Trade[Any]], found: Mapping[sends.Send, bytes]) -> None:
    orders = claims.take_over(store, [send.request_id for send in found])
    for send, body in found.items():
        paid = read_envelope(body, send.label_set.label_model)
        with store.write() as connection:
            order = orders.get(send.request_id)
            if order is None:  # bought again in the meantime; what this one cost still counts
                replies.keep_spare(connection, send, paid)
                continue
            (reply_id,) = replies.keep_replies(connection, [replies.Kept(order, paid, send, reclaimed=True)])
            settle_reply(connection, trades[order.purpose], counted(order), reply_id, body)
