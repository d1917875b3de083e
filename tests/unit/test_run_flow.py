"""A request to stop reaches the work, whatever the signal finds the main thread doing."""

import asyncio
import os
import signal

import pytest
from prefect.exceptions import TerminationSignal

from deployments.local.run_flow import as_coroutine
from feedback_model.progress import check_stop, clear_stop


class _RaisedAsPrefectDoes(BaseException):
    pass


def _raise(*_: object) -> None:
    raise _RaisedAsPrefectDoes


async def _a_flow_whose_signal_is_swallowed() -> None:
    signal.signal(signal.SIGTERM, _raise)
    swallowed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _loop, _context: swallowed.set()
    )  # a callback is no task: what it raises ends here
    loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)
    await swallowed.wait()
    while True:
        check_stop()
        await asyncio.sleep(0)


def test_sigterm_in_a_callback_is_not_lost() -> None:
    """A sigterm that prefects handler raises into a callback is not lost."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        with asyncio.Runner() as runner, pytest.raises(TerminationSignal):
            runner.run(asyncio.wait_for(as_coroutine(_a_flow_whose_signal_is_swallowed), timeout=600))
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, before)
        clear_stop()
