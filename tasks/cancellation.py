"""Cancellation that reaches the work: what Prefect ends stops at its next step and keeps what it has.

A worker ends a cancelled run with SIGTERM, which Prefect turns into an exception in whatever the main thread is doing. Work in
other threads hears nothing of that, and asyncio swallows what is raised in a callback that is no task. So the event loop
listens as well, through its own pipe, and asks the work to stop.
"""

import asyncio
import contextvars
import gc
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from prefect.exceptions import TerminationSignal

from feedback_model.errors import Interrupted
from feedback_model.progress import request_stop

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
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


async def in_thread(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Run `function` in a thread; when the task is cancelled, ask it to stop and wait until it has.

    `asyncio.to_thread` would leave it running, with the database closed under it.
    """
    context = contextvars.copy_context()
    call = partial(function, *args, **kwargs)
    work = asyncio.get_running_loop().run_in_executor(None, lambda: context.run(call))
    try:
        return await asyncio.shield(work)
    except (asyncio.CancelledError, TerminationSignal):
        request_stop()
        await asyncio.wait([work])
        raise
