"""One retraining on some hosts, from the landing to its end: what it left, and what each part took."""

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from feedback_model.demo.speech import write_demo_input
from tests.chaos.outcome import Outcome, read_outcome
from tests.databases import Cluster, postgres_programs
from tests.hosts.faults import Fault
from tests.hosts.network import Host, network
from tests.hosts.services import HANGS, Services, services
from tests.local_service import eventually

ONE, HOSTS = {"host-a": 0}, {"host-a": 0, "host-b": 1}
"""Hosts and their cores."""
SEED = 5
LANDED = "documents.jsonl"
PARAMETERS = {"augmentation_share": 0, "epochs": 1}
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
    """Empty where something was to befall it: what the server hears of task runs while Redis is away, it never records."""
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


def run_trial(
    documents: int, names: dict[str, int], disturb: Callable[[Services, list[Host]], Fault] | None = None
) -> Trial:
    """Retrain once on hosts of these names, from empty databases and so many documents.

    Args:
        disturb: makes what befalls them; it must have happened, and at the end nothing may be left at work.
    """
    programs = postgres_programs()
    assert programs, "PostgreSQL is not installed"
    folder = Path(tempfile.mkdtemp(prefix="feedback-hosts-"))
    write_demo_input(folder / LANDED, documents, SEED)
    with network(names) as hosts, services(folder, programs, PARAMETERS) as (found, cluster):
        fault = disturb(found, hosts) if disturb else None
        _start_workers(found, hosts)
        ended = _await_retraining(found, cluster, fault.look if fault else None)
        if fault:
            assert fault.mending, "all had ended before anything befell it"
            eventually(lambda: fault.is_over() and found.is_at_rest(), fault.seconds + HANGS)
    shutil.rmtree(folder)
    return ended


def _start_workers(found: Services, hosts: list[Host]) -> None:
    """Have hosts work, and wait until the server knows of them."""
    for host in hosts:
        found.start_worker(host)
    eventually(lambda: all(_online(found, pool) == len(hosts) for pool in ("cpu", "gpu")), HANGS)


def _online(found: Services, pool: str) -> int:
    workers = found.call("POST", f"work_pools/{pool}/workers/filter", {})
    return sum(worker["status"] == "ONLINE" for worker in workers)


def _await_retraining(found: Services, cluster: Cluster, meanwhile: Callable[[], None] | None) -> Trial:
    """Land the documents and wait for the end of the retraining that this wakes."""
    roots = {name: process.pid for name, process in found.processes.items()}
    roots["postgresql"] = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    used: list[tuple[float, dict[str, float]]] = []
    most: Counter[str] = Counter()

    def look() -> dict[str, Any] | None:
        if meanwhile:
            meanwhile()
        used.append((time.time(), {name: seconds_of(pid) for name, pid in roots.items()}))
        most.update(Counter(cluster.connections()) - most)
        runs = found.runs_of(RETRAIN)
        return next((run for run in runs if run["state_type"] in OVER), None)

    found.run(sys.executable, "-m", "deployments.cli", "land", str(found.folder / LANDED))
    run = eventually(look, HANGS)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    parts = {} if meanwhile else eventually(lambda: _parts(found.task_runs()), HANGS)
    return Trial(
        read_outcome(found.url), parts, _moment(run["end_time"]) - _moment(run["start_time"]), dict(most), used
    )


def _parts(task_runs: list[dict[str, Any]]) -> dict[str, Span] | None:
    """Return the parts; None while the server has not heard the end of each task run, which takes it some seconds."""
    ours = {name: [run for run in task_runs if run["name"].startswith(begins)] for name, begins in PARTS.items()}
    if not all(runs and all(run["end_time"] for run in runs) for runs in ours.values()):
        return None
    return {name: _span(runs) for name, runs in ours.items()}


def _span(ours: list[dict[str, Any]]) -> Span:
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
