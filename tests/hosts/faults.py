"""What befalls hosts and services while all hosts ask models, and what a supervisor, or somebody with a cable, then does."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer

import psutil

from tests.hosts.network import Host
from tests.hosts.services import Services

RESTARTED_AFTER = 10.0  # seconds, as a container that ended
AWAY_SECONDS = 600.0


@dataclass
class Fault:
    """Strikes once, and is made up for once."""

    found: Services
    hosts: list[Host]
    strike: Callable[[], None]
    mend: Callable[[], None]
    seconds: float
    """Between the two."""
    mending: Timer | None = None
    """Apart from who looks, who may be waiting for what was struck."""

    def look(self) -> None:
        """Strike when it is time."""
        if self.mending:
            return
        asking = [run for run in self.found.runs_of("infer/gpu") if run["state_type"] == "RUNNING"]
        if len(asking) == len(self.hosts):
            self.strike()
            self.mending = Timer(self.seconds, self.mend)
            self.mending.start()

    def is_over(self) -> bool:
        """Tell whether it has struck and been made up for."""
        return self.mending is not None and not self.mending.is_alive()


def absence(found: Services, hosts: list[Host], seconds: float = AWAY_SECONDS) -> Fault:
    """The last host vanishes and comes back, and all that runs on it goes on meanwhile."""
    return Fault(found, hosts, hosts[-1].vanish, hosts[-1].come_back, seconds)


def death(found: Services, hosts: list[Host], name: str, seconds: float = RESTARTED_AFTER) -> Fault:
    """A service, or all that runs on a host, is killed and started again."""
    return Fault(found, hosts, lambda: _kill(found.processes[name].pid), lambda: found.restart(name), seconds)


def _kill(pid: int) -> None:
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            each.kill()
