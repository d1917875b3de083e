"""Worker pool: a bounded number of requests in flight, none of which is lost when the work stops.

Requests are claimed a few hundred ahead, as they are needed, so memory does not grow with their number.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from feedback_model.progress import check_stop

Item = TypeVar("Item")
Result = TypeVar("Result")
TICK: Final = 0.25  # seconds between looks at a request to stop
GRACE: Final = 10.0  # seconds that requests in flight get to finish when the work stops
HEARTBEAT: Final = 30.0  # seconds between heartbeats
AHEAD: Final = 500  # requests claimed at once


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a worker."""

    error: BaseException | None


class RequestQueue(Generic[Item]):
    """Requests as they are claimed; ends when there are none left, when enough were given out, or when closed."""

    def __init__(self, claim: Callable[[int], Sequence[Item]], limit: int | None = None) -> None:
        self._claim = claim
        self._left = limit
        self._closed = False
        self._refill = asyncio.Lock()
        self.unused: deque[Item] = deque()
        """Claimed and not given out."""

    async def next(self) -> Item | None:
        """Return the next request, claimed now or before; None when the queue has ended."""
        if not self.unused and not self._closed:
            async with self._refill:
                if not self.unused and not self._closed:
                    await self._claim_more()
        return self.unused.popleft() if self.unused and not self._closed else None

    async def _claim_more(self) -> None:
        count = AHEAD if self._left is None else min(AHEAD, self._left)
        claimed = await asyncio.to_thread(self._claim, count) if count else ()
        self.unused.extend(claimed)
        self._left = None if self._left is None else self._left - len(claimed)
        self._closed = self._closed or not claimed

    def close(self) -> None:
        """Give out no more."""
        self._closed = True


async def run_workers(
    queue: RequestQueue[Item],
    work: Callable[[Item], Awaitable[Result]],
    concurrency: int,
    heartbeat: Callable[[], None],
) -> AsyncGenerator[Result]:
    """Yield each result as it comes, with up to `concurrency` requests in work at once.

    Args:
        heartbeat: called every 30 s, so that others see this process is at work.

    Raises:
        Interrupted: a stop was requested; requests in work were given time to finish.
        Exception: whatever `work` raised first, likewise.
    """
    results: asyncio.Queue[Result | _End] = asyncio.Queue()
    workers = [asyncio.create_task(_work(queue, work, results)) for _ in range(concurrency)]
    at_work, last_beat = concurrency, time.monotonic()
    try:
        while at_work:
            result = await _next(results)
            check_stop()
            if isinstance(result, _End):
                at_work -= 1
                if result.error is not None:
                    raise result.error
            elif result is not None:
                yield result
            if time.monotonic() - last_beat > HEARTBEAT:
                last_beat = time.monotonic()
                heartbeat()
    finally:
        queue.close()
        await _drain(workers)


async def _work(
    queue: RequestQueue[Item], work: Callable[[Item], Awaitable[Result]], results: "asyncio.Queue[Result | _End]"
) -> None:
    try:
        while (item := await queue.next()) is not None:
            results.put_nowait(await work(item))
    except BaseException as error:  # noqa: BLE001 - the consumer of the results raises it
        results.put_nowait(_End(error))
    else:
        results.put_nowait(_End(None))


async def _next(results: "asyncio.Queue[Result | _End]") -> "Result | _End | None":
    """Return the next result, or None when none came for a while."""
    if not results.empty():
        return results.get_nowait()
    try:
        async with asyncio.timeout(TICK):
            return await results.get()
    except TimeoutError:
        return None


async def _drain(workers: Sequence["asyncio.Task[None]"]) -> None:
    _, late = await asyncio.wait(workers, timeout=GRACE)
    for task in late:
        task.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
