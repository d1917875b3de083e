"""The processes of `feedback up`: started, watched, started again when they die, and stopped together.

Knows what a child is called, how it is started and where it logs; not what it does.
"""

import subprocess
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployments.server import close_tether, start_tethered, stop
from feedback_model.errors import ConfigurationError
from feedback_model.progress import check_stop

WATCH_SECONDS = 0.5
RESTARTS = 3  # more deaths than this within the window mean that starting it again does not help
RESTART_WINDOW = 300.0  # seconds


@dataclass
class Child:
    """One process that should be running."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes]" = field(init=False)
    deaths: deque[float] = field(default_factory=lambda: deque[float](maxlen=RESTARTS + 1))

    def start(self) -> None:
        """Start it, or start it again."""
        self.process = start_tethered(self.command, self.log, self.environment)

    def revive(self) -> str | None:
        """Start it again if it died; returns what to say about that, None while it lives.

        Raises:
            ConfigurationError: it keeps dying; names its log.
        """
        status = self.process.poll()
        if status is None:
            return None
        self.deaths.append(time.monotonic())
        if len(self.deaths) > RESTARTS and self.deaths[-1] - self.deaths[0] < RESTART_WINDOW:
            raise ConfigurationError(f"the {self.name} keeps ending (status {status}); its log is {self.log}")
        self.start()
        return f"the {self.name} ended with status {status} and was started again; its log is {self.log}"


@contextmanager
def running(*children: Child) -> Generator[None]:
    """Keep `children` for the length of the block, then stop them all at once."""
    started: list[Child] = []
    try:
        for child in children:
            child.start()
            started.append(child)
        yield
    finally:
        for child in started:
            close_tether(child.process)
        for child in started:
            stop(child.process)


def watch(children: Sequence[Child], tell: Callable[[str], None]) -> None:
    """Keep all of them alive until a stop is requested.

    Raises:
        Interrupted: a stop was requested.
        ConfigurationError: one of them keeps dying.
    """
    while True:
        check_stop()
        for child in children:
            if (news := child.revive()) is not None:
                tell(news)
        time.sleep(WATCH_SECONDS)
