"""Work that Prefect ends hears of it, ends in order, and keeps nobody waiting."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any

import pytest
from prefect.exceptions import TerminationSignal

from feedback_model.errors import Interrupted
from feedback_model.progress import check_stop, clear_stop
from tasks.cancellation import in_own_loop, in_thread, stopping_on_termination


@pytest.fixture(autouse=True)
def _raising_as_prefect_does() -> Iterator[None]:
    def terminate(number: int, _frame: object) -> None:
        raise TerminationSignal(signal=number)

    before = signal.signal(signal.SIGTERM, terminate)
    yield
    signal.signal(signal.SIGTERM, before)
    clear_stop()


class Deaf(asyncio.SelectorEventLoop):
    """An event loop that loses whatever other threads tell it."""

    def call_soon_threadsafe(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        del context
        return asyncio.Handle(callback, args, self)


def test_work_is_asked_and_not_cancelled() -> None:
    seen: list[str] = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            while True:
                check_stop()
                await asyncio.sleep(0.001)
        except Interrupted:
            await asyncio.sleep(0)
            seen.append("gave back what it held")
            raise

    async def run() -> None:
        with stopping_on_termination():
            await in_own_loop(work)

    with pytest.raises(TerminationSignal):
        asyncio.run(run())
    assert seen == ["gave back what it held"]


def test_a_lost_callback_keeps_nobody_waiting() -> None:
    with asyncio.Runner(loop_factory=Deaf) as runner:
        assert runner.run(asyncio.wait_for(in_thread(lambda: "done"), 60)) == "done"


def test_what_the_work_raises_comes_out() -> None:
    async def work() -> None:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted, match="stopped"):
        asyncio.run(in_own_loop(work))
