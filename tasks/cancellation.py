"""Cancellation that reaches the work: what Prefect ends stops at its next step and keeps what it has.

A worker ends a cancelled run with SIGTERM, which Prefect turns into an exception in whatever the main thread is doing. Work in
other threads hears nothing of that, and asyncio swallows what is raised in a callback that is no task. So the event loop
listens as well, through its own pipe, and asks the work to stop.
"""

import asyncio
import contextvars
import gc
import signal
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from prefect.exceptions import TerminationSignal

from feedback_model.errors import Interrupted
from feedback_model.progress import request_stop

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
LOOK_SECONDS: Final = 0.5  # between looks at a thread that does not say that it has ended
_listening: set[asyncio.AbstractEventLoop] = set()


@contextmanager
def stopping_on_termination() -> Generator[None]:
    """Ask all work to stop when SIGTERM comes, and end the block as Prefect expects of a run that it terminates.

    Raises:
        TerminationSignal: the block stopped because SIGTERM came.
    """
    loop = asyncio.get_running_loop()
    if loop in _listening:
        yield
        return
    heard = asyncio.Event()

    def hear() -> None:
        heard.set()
        request_stop()
        gc.freeze()  # else the interpreter looks through all of torch as it ends: 5 s of a processor

    handler = signal.getsignal(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, hear)
    signal.signal(signal.SIGTERM, handler)  # Prefect's stays in force, else it would take a cancellation for a crash
    _listening.add(loop)
    try:
        yield
    except Interrupted as interrupted:
        if heard.is_set():
            raise TerminationSignal(signal.SIGTERM) from interrupted
        raise
    finally:
        _listening.discard(loop)
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, handler)


async def in_own_loop(
    function: Callable[Parameters, Coroutine[Any, Any, Result]], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Run a coroutine function in an event loop of its own, in a thread; when the task is cancelled, see `in_thread`.

    Prefect's exception comes up wherever the main thread is. In the machinery of its event loop it takes a callback with it, and
    what waits for that waits for ever; or it ends the loop, which cancels requests that are under way and paid for.
    """
    return await in_thread(lambda: asyncio.run(function(*args, **kwargs)))


async def in_thread(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Run `function` in a thread; when the task is cancelled, ask it to stop and wait until it has.

    `asyncio.to_thread` would leave it running, with the database closed under it.
    """
    executor = ThreadPoolExecutor(1)
    try:  # a signal may come anywhere from here on, as soon as the thread has begun
        work = executor.submit(contextvars.copy_context().run, partial(function, *args, **kwargs))
        await _until_over(work)
        return work.result()
    except (asyncio.CancelledError, TerminationSignal):
        request_stop()
        await asyncio.to_thread(executor.shutdown)
        raise
    finally:
        executor.shutdown(wait=False)


async def _until_over(work: Future[Any]) -> None:
    """Wait for a thread: it wakes us, and we look ourselves too, since the callback may be lost to a signal."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    work.add_done_callback(lambda _: loop.call_soon_threadsafe(over.set))
    while not work.done():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await over.wait()
