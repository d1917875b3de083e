"""Peers: processes under one rate limit. Each sends heartbeats to the database, and takes an equal part.

A process that dies is missed at once on its own host, elsewhere within seconds, and its part goes to the others.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Final

from feedback_model.errors import StoreUnavailable
from feedback_model.labelling.labeller import Labeller
from feedback_model.store import locks
from feedback_model.store.connection import Store

INTERVAL: Final = 1.0  # seconds between heartbeats


@asynccontextmanager
async def one_at_a_time(store: Store, name: str, activity: str) -> AsyncGenerator[Store]:
    """Hold the lock `name` during the block, which is an `activity`; yields the store to write to, as `locks.hold` does."""
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, locks.hold(store, name, activity))


@asynccontextmanager
async def sharing_limit(store: Store, labeller: Labeller) -> AsyncGenerator[None]:
    """Keep `labeller` to its part of the limit during the block."""
    labeller.share_limit_with(await asyncio.to_thread(locks.heartbeat, store, labeller.limited_as))
    watching = asyncio.create_task(_watch(store, labeller))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await asyncio.to_thread(locks.deregister, store, labeller.limited_as)


async def _watch(store: Store, labeller: Labeller) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        with suppress(StoreUnavailable):  # it looks again in a moment
            labeller.share_limit_with(await asyncio.to_thread(locks.heartbeat, store, labeller.limited_as))
