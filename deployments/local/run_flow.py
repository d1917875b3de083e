"""Running a flow from the command line: in this process, against the running server or a temporary one.

Ctrl-C asks the work to stop at its next step, so that what is paid for or computed is kept; a second Ctrl-C ends at once.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from deployments.local.server import PrefectServer, quiet_environment, running_server, temporary_server, wait_for_answer
from deployments.terminal import say, showing_progress
from feedback_model.errors import Interrupted
from feedback_model.progress import STOPPED, clear_stop, request_stop

if TYPE_CHECKING:
    from feedback_model.settings import Settings

Result = TypeVar("Result")


@contextmanager
def stopping_on_interrupt(announced_as: str = "stopping after the step at work") -> Generator[None]:
    """Turn the first SIGINT or SIGTERM into a stop request, and the second into an end without further ado."""
    seen: list[int] = []

    def stop(signal_number: int, _frame: FrameType | None) -> None:
        if seen:
            os._exit(128 + signal_number)
        seen.append(signal_number)
        request_stop()
        say(f"{announced_as}; once more to end at once")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        clear_stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def run_flow(settings: "Settings", call: Callable[[], Awaitable[Result]], *, quiet: bool = False) -> Result:
    """Run `call`, which imports and calls a flow, with a Prefect server at hand.

    Args:
        call: imports the flow itself, because Prefect reads its settings when it is imported.
        quiet: no progress, for `--json`.

    Raises:
        FeedbackError: whatever the flow raised.
    """
    with stopping_on_interrupt(), ExitStack() as stack:
        _check_database(settings)
        running = running_server(settings)
        if running is None and not quiet:
            say("starting a Prefect server for this command")
        if running is not None:
            wait_for_answer(running.api_url)
        server = running or stack.enter_context(temporary_server(settings))
        os.environ.update(quiet_environment(settings) | _client_environment(server, keeps_logs=running is not None))
        with showing_progress(quiet=quiet):
            return _run_to_end(call)


def _check_database(settings: "Settings") -> None:
    """Refuse a database that is away before a flow waits for it to come back, which a person need not.

    Raises:
        StoreError: it cannot be used.
    """
    from feedback_model.store.connection import open_store

    open_store(settings.store_url).close()


def _run_to_end(call: Callable[[], Awaitable[Result]]) -> Result:
    from prefect.exceptions import TerminationSignal

    with asyncio.Runner() as runner:
        try:
            return runner.run(as_coroutine(call))
        except TerminationSignal as signal_taken:
            # Prefect puts its own handler for SIGTERM in the place of ours. Work in threads looks for the request, and
            # the runner waits for it when it closes.
            request_stop()
            raise Interrupted(STOPPED) from signal_taken


async def as_coroutine(call: Callable[[], Awaitable[Any]]) -> Any:
    """Await `call` in an event loop that hears of SIGTERM."""
    from tasks.cancellation import stopping_on_termination

    with stopping_on_termination():
        return await call()


def _client_environment(server: PrefectServer, *, keeps_logs: bool) -> dict[str, str]:
    return server.environment() | {
        # The terminal shows our own progress; the run's log is in the UI, where there is one.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": str(keeps_logs).lower(),
    }
