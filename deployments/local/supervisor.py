"""Supervision of the processes of `feedback up`: started, started again when they die, and stopped together."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from feedback_model.errors import ConfigurationError
from feedback_model.processes import ManagedProcess
from feedback_model.progress import check_stop

WATCH_SECONDS = 0.5
RESTARTS = 3  # more deaths than this within the window mean that starting it again does not help
RESTART_WINDOW = 300.0  # seconds


@contextmanager
def running(*processes: ManagedProcess) -> Generator[None]:
    """Keep `processes` for the length of the block, then stop them all at once."""
    started: list[ManagedProcess] = []
    try:
        for process in processes:
            process.start()
            started.append(process)
        yield
    finally:
        for process in started:
            process.close()
        for process in started:
            process.stop()


def watch(processes: Sequence[ManagedProcess], tell: Callable[[str], None]) -> None:
    """Keep all of them alive until a stop is requested.

    Raises:
        Interrupted: a stop was requested.
        ConfigurationError: one of them keeps dying; names its log.
    """
    deaths: defaultdict[str, deque[float]] = defaultdict(lambda: deque[float](maxlen=RESTARTS + 1))
    while True:
        check_stop()
        for process in processes:
            if (status := process.status()) is not None:
                _demand_few(process, status, deaths[process.name])
                process.close()
                process.start()
                tell(f"the {process.name} ended with status {status} and was started again; its log is {process.log}")
        time.sleep(WATCH_SECONDS)  # between two looks


def _demand_few(process: ManagedProcess, status: int, deaths: deque[float]) -> None:
    deaths.append(time.monotonic())
    if len(deaths) > RESTARTS and deaths[-1] - deaths[0] < RESTART_WINDOW:
        raise ConfigurationError(f"the {process.name} keeps ending (status {status}); {process.last_words()}")
