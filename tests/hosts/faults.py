"""What befalls hosts and services while all hosts ask models, and what a supervisor, or somebody with a cable, then does."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

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
    moments: list[float] = field(default_factory=list[float])
    """Of what has happened."""

    def look(self) -> None:
        """See whether it is time."""
        if not self.moments:
            asking = [run for run in self.found.runs_of("infer/gpu") if run["state_type"] == "RUNNING"]
            if len(asking) == len(self.hosts):
                self._do(self.strike)
        elif len(self.moments) == 1 and time.monotonic() - self.moments[0] > self.seconds:
            self._do(self.mend)

    def _do(self, act: Callable[[], None]) -> None:
        act()
        self.moments.append(time.monotonic())


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
