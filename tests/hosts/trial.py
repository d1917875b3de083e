"""One retraining on some hosts, from the landing to its end: what it left, and what each part took."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.outcome import COUNTED, FIGURES, Outcome, plain
from tests.databases import Cluster
from tests.hosts.network import Host
from tests.hosts.services import HANGS, Process, Services
from tests.local_service import eventually

RETRAIN = "retrain/on-data-landed"
OVER = {"COMPLETED", "FAILED", "CANCELLED"}
PARTS = {"label": "label what is missing", "infer": "generate "}
"""What hosts share, and how their task runs begin to be called."""


@dataclass(frozen=True)
class Span:
    """From the first task run of a part to the end of the last, as the server's clock has it."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


@dataclass(frozen=True)
class Trial:
    """A retraining that has ended."""

    outcome: Outcome
    parts: dict[str, Span]
    seconds: float
    """From Running to Completed."""
    connections: dict[str, int]
    """The most that each database of PostgreSQL had."""
    used: list[tuple[float, dict[str, float]]]
    """Moments, and the seconds of processor time that each process of the services and hosts had taken by then."""

    def used_in(self, part: str, *names: str) -> float:
        """Processor seconds that these processes took during a part."""
        span = self.parts[part]
        within = [taken for moment, taken in self.used if span.begin - 1 <= moment <= span.end + 1]
        return sum(within[-1][name] - within[0][name] for name in names) if within else 0.0


def online(found: Services, pool: str) -> int:
    workers = found.call("POST", f"work_pools/{pool}/workers/filter", {})
    return sum(worker["status"] == "ONLINE" for worker in workers)


def start_workers(found: Services, hosts: list[Host]) -> dict[str, Process]:
    """Have hosts work, and wait until the server knows of them."""
    workers = {host.name: found.start_worker(host, OMP_NUM_THREADS="1") for host in hosts}
    eventually(lambda: all(online(found, pool) == len(hosts) for pool in ("cpu", "gpu")), HANGS)
    return workers


def run_trial(
    found: Services, cluster: Cluster, hosts: list[Host], landed: Path, meanwhile: Callable[[], None] = lambda: None
) -> Trial:
    """Land a file and wait for the end of the retraining that it wakes.

    Args:
        meanwhile: called some times a second.
    """
    workers = start_workers(found, hosts)
    roots = {name: process.pid for name, process in (found.processes | workers).items()}
    roots["postgresql"] = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    used: list[tuple[float, dict[str, float]]] = []
    most: Counter[str] = Counter()

    def look() -> dict[str, Any] | None:
        meanwhile()
        used.append((time.time(), {name: seconds_of(pid) for name, pid in roots.items()}))
        most.update(Counter(cluster.connections()) - most)
        return next((run for run in found.runs_of(RETRAIN) if run["state_type"] in OVER), None)

    found.run(sys.executable, "-m", "deployments.cli", "land", str(landed))
    run = eventually(look, HANGS)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    parts = {name: _span(found.task_runs(), begins) for name, begins in PARTS.items()}
    return Trial(read_outcome(found), parts, _moment(run["end_time"]) - _moment(run["start_time"]), dict(most), used)


def read_outcome(found: Services) -> Outcome:
    return Outcome(
        {name: found.count(sql) for name, sql in COUNTED.items()},
        [list(map(plain, row)) for row in found.rows(FIGURES)],
    )


def _span(task_runs: list[dict[str, Any]], begins: str) -> Span:
    ours = [run for run in task_runs if run["name"].startswith(begins) and run["start_time"] and run["end_time"]]
    return Span(min(_moment(run["start_time"]) for run in ours), max(_moment(run["end_time"]) for run in ours))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def seconds_of(pid: int) -> float:
    """Seconds of processor time of a process, its children and those that any of them has waited for."""
    total = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total
