"""Works through orders with a bounded number in flight, and stops without losing one that is on its way.

Knows nothing of what working on an order means.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Final, TypeVar

from feedback_model.progress import check_stop

Order = TypeVar("Order")
Result = TypeVar("Result")
TICK: Final = 0.25  # seconds between looks at a request to stop
GRACE: Final = 10.0  # seconds that requests in flight get to come home when the work stops
HEARTBEAT: Final = 30.0  # seconds between signs of life


async def work_through(
    orders: Iterable[Order],
    work: Callable[[Order], Awaitable[Result]],
    concurrency: int,
    heartbeat: Callable[[], None],
) -> AsyncGenerator[Result]:
    """Each result as it comes, with up to `concurrency` orders in work at once.

    Args:
        heartbeat: called in a thread every 30 s, so that others see this process is at work.

    Raises:
        Interrupted: a stop was requested; orders in work were given time to finish.
        Exception: whatever `work` raised first, likewise.
    """
    waiting = iter(orders)
    done: set[asyncio.Task[Result]] = set()
    running: set[asyncio.Task[Result]] = set()
    last_beat = time.monotonic()
    try:
        while True:
            while len(running) < concurrency and (order := next(waiting, None)) is not None:
                running.add(asyncio.ensure_future(work(order)))
            if not running:
                return
            done, running = await asyncio.wait(running, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
            check_stop()
            if time.monotonic() - last_beat > HEARTBEAT:
                last_beat = time.monotonic()
                await asyncio.to_thread(heartbeat)
    finally:
        await _bring_home(done | running)


async def _bring_home(tasks: set[asyncio.Task[Result]]) -> None:
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=GRACE)
    for task in late:
        task.cancel()
    # Only one failure can be raised; the others are looked at here, or asyncio would print them.
    await asyncio.gather(*tasks, return_exceptions=True)
