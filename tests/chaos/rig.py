"""A real `feedback up` in a home of its own, with an endpoint whose bill can be read, whose parts can be killed."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from deployments.local.left_processes import FLOW_RUN, STARTED_BY
from feedback_model.demo.speech import write_demo_input
from feedback_model.errors import FeedbackError
from feedback_model.store.readonly_sql import run_query
from tests.chaos.network import Way
from tests.databases import Cluster
from tests.local_service import LocalService, clean_environment
from tests.ports import free_port

TRANSCRIPTS = 40  # enough for all three splits
CONCURRENCY = 4  # requests under way: what a kill may have bought and not seen
PATIENCE = 600.0  # seconds after which a cell counts as stuck
OPTIONS = ("--labeller", "openai", "--base-model", "embedded", "--epochs", "1", "--set", "rank=4")
UNFINISHED = ("RUNNING", "PENDING", "CANCELLING", "PAUSED")


class Stuck(AssertionError):
    """What must come did not."""


def await_sign(look: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return what `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Stuck(f"{what} did not come in {seconds:.0f} s")
        time.sleep(0.05)
    return found


def _waiting_runs(flow: str) -> dict[str, Any]:
    return {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}


@dataclass
class Rig:
    """The service under test."""

    home: Path
    endpoint: str
    """URL of the labelling endpoint."""
    cluster: Cluster | None = None
    """PostgreSQL of the results; None: SQLite."""
    settings: dict[str, str] = field(default_factory=dict[str, str])
    way: Way | None = None
    """By which the service goes to PostgreSQL, where that can be cut."""
    port: int = field(default_factory=free_port)
    url: str = ""
    up: "subprocess.Popen[bytes]" = field(init=False)
    started_at: float = 0.0
    """When `up` was started last, by the monotonic clock."""

    def __post_init__(self) -> None:
        """Make the home and, on PostgreSQL, the database."""
        self.home.mkdir(parents=True)
        self.url = f"sqlite:///{self.home / 'feedback.db'}"
        if self.cluster is not None:
            self.url = self.cluster.new_url()
            self.cluster.create(self.url)
            self.settings["FEEDBACK_DATABASE_URL"] = self.url

    @property
    def service(self) -> LocalService:
        return LocalService(self.home, f"http://127.0.0.1:{self.port}", self.up.pid, self.home / "up.out")

    def start(self) -> None:
        """Start `up`, or start it again, and wait until its workers may start."""
        environment = clean_environment(self.home) | {
            "OPENAI_API_KEY": "sk-test",
            "FEEDBACK_OPENAI_BASE_URL": self.endpoint,
            "FEEDBACK_LABEL_MODEL": "embedded-rubric-3",
            "FEEDBACK_LABEL_CONCURRENCY": str(CONCURRENCY),
            "FEEDBACK_RELABEL_SHARE": "0",  # so that a question asked twice is one too many
            **self.settings,
        }
        (self.home / "prefect" / "server.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "deployments.cli.app", "up", "--port", str(self.port), *OPTIONS]
        self.started_at = time.monotonic()
        with self.service_output.open("ab") as sink:
            self.up = subprocess.Popen(command, stdout=sink, stderr=sink, env=environment)
        announced = self.home / "prefect" / "server.json"
        await_sign(lambda: announced.exists() or self.up.poll() is not None, "the announcement of the server")
        if self.up.poll() is not None:
            raise Stuck(f"`up` ended with status {self.up.returncode}")

    @property
    def service_output(self) -> Path:
        return self.home / "up.out"

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self.up.send_signal(signal.SIGINT)
        self.up.wait(60)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the server; None while it is away."""
        try:
            return self.service.call(method, path, body)
        except OSError:
            return None

    def land(self, seed: int = 3, count: int = TRANSCRIPTS) -> None:
        """Drop a file into the inbox, and have it looked into unless somebody is about to."""
        path = self.home / "inbox" / f"speeches-{seed}.jsonl"
        write_demo_input(path, count, seed)
        long_ago = time.time() - 60
        os.utime(path, (long_ago, long_ago))  # as one that nobody writes any more
        waiting = self.call("POST", "flow_runs/filter", _waiting_runs("land")) or []
        if any(not run["auto_scheduled"] for run in waiting):
            return
        watch = self.service.deployment("land/watch-inbox")
        self.service.call("POST", f"deployments/{watch['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Ask the results; nothing while they are away or still being made."""
        try:
            return run_query(self.url, sql).rows
        except FeedbackError:
            return ()

    def count(self, sql: str) -> int:
        found = self.rows(f"SELECT COUNT(*) FROM {sql}")
        return found[0][0] if found else 0

    def replies(self) -> Counter[str]:
        """Replies charged, by the hash of what was asked."""
        with urllib.request.urlopen(self.endpoint.removesuffix("/v1") + "/bill", timeout=30) as bill:
            return Counter(json.load(bill)["replies"])

    def processes(self) -> Iterator[tuple[psutil.Process, list[str], dict[str, str]]]:
        """List what `up` started, with command and environment, without the guards."""
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                told, command = process.environ(), process.cmdline()
                is_ours = told.get("FEEDBACK_HOME") == str(self.home) and STARTED_BY in told
                if is_ours and "feedback_model.process_guard" not in command:
                    yield process, command, told

    def flows(self, *names: str) -> list[psutil.Process]:
        """The processes that execute runs of these flows; of all without a name."""
        return [
            process
            for process, _, told in self.processes()
            if FLOW_RUN in told
            and os.getsid(process.pid) == process.pid
            and (not names or told.get("PREFECT__FLOW_NAME") in names)
        ]

    def workers(self) -> list[psutil.Process]:
        """The process that asks for runs, of every pool."""
        return [
            process for process, command, _ in self.processes() if command[1:3] == ["-m", "deployments.local.workers"]
        ]

    def server(self) -> list[psutil.Process]:
        return [process for process, command, _ in self.processes() if "deployments.local.prefect_server" in command]

    def is_running(self, flow: str) -> bool:
        """Tell whether a run of the flow is Running."""
        only = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        return bool(self.call("POST", "flow_runs/filter", only))

    def unfinished(self) -> list[str] | None:
        """Name the runs that are at work or wait for their turn; None while the server is away."""
        found = self.call("POST", "flow_runs/filter", {})
        if found is None:
            return None
        return [
            run["name"]
            for run in found
            if run["state_type"] in UNFINISHED or (run["state_type"] == "SCHEDULED" and not run["auto_scheduled"])
        ]

    def is_complete(self) -> bool:
        """Tell whether all that landed is trained on and nothing is at work."""
        batches = self.rows("SELECT COUNT(*), COUNT(trained_at) FROM batch WHERE n_accepted > 0")
        if not batches or not batches[0][0] or batches[0][0] != batches[0][1]:
            return False
        return self.unfinished() == [] and not self.flows()
