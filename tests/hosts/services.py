"""What hosts share: PostgreSQL, Redis, a Prefect server and its background services, as containers run them."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.databases import Cluster, running_cluster
from tests.hosts.network import ADDRESS, Host
from tests.local_service import authorization, clean_environment, eventually

SERVER_PORT, DATABASE_PORT, REDIS_PORT = 4200, 5432, 6379
HANGS = 1_800.0
PAGE = 200  # task runs that the server lists at once
Process = subprocess.Popen[bytes]


@dataclass
class Services:
    """All that hosts share, and what they are told of it."""

    folder: Path
    home: Path
    """The folder that they share."""
    url: str
    """Of the results."""
    environment: dict[str, str]
    processes: dict[str, Process] = field(default_factory=dict[str, Process])
    starts: dict[str, tuple[list[str], dict[str, str]]] = field(
        default_factory=dict[str, tuple[list[str], dict[str, str]]]
    )
    """How each was started."""

    def start(self, name: str, command: list[str], **more: str) -> Process:
        """Start a process, told `more` of its environment; what it writes lies in a file of that name."""
        with (self.folder / f"{name}.out").open("ab") as sink:
            process = subprocess.Popen(command, stdout=sink, stderr=sink, env=self.environment | more)
        self.processes[name], self.starts[name] = process, (command, more)
        return process

    def restart(self, name: str) -> None:
        """Start a process again that has ended."""
        self.processes[name].wait()
        command, more = self.starts[name]
        self.start(name, command, **more)

    def start_worker(self, host: Host) -> Process:
        """Have a host work for both pools."""
        scratch = self.folder / host.name
        scratch.mkdir(exist_ok=True)
        return self.start(host.name, host.command(*role("worker", "cpu", "gpu")), TMPDIR=str(scratch))

    def run(self, *command: str) -> None:
        """Run a command to its end."""
        subprocess.run(command, env=self.environment, check=True, stdout=subprocess.DEVNULL, timeout=HANGS)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the Prefect server, again while it or what it needs is away."""
        return eventually(lambda: self._ask(method, path, body), HANGS)[0]

    def _ask(self, method: str, path: str, body: Any) -> tuple[Any] | None:
        headers = {
            "Content-Type": "application/json",
            "Authorization": authorization(self.environment["PREFECT_API_AUTH_STRING"]),
        }
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.environment['PREFECT_API_URL']}/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30) as reply:
                text = reply.read()
        except urllib.error.HTTPError as refused:
            if refused.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return None
        except OSError:
            return None
        return (json.loads(text) if text else None,)

    def runs_of(self, deployment: str) -> list[dict[str, Any]]:
        """List the runs of a deployment."""
        found = self.call("GET", f"deployments/name/{deployment}")["id"]
        return self.call("POST", "flow_runs/filter", {"deployments": {"id": {"any_": [found]}}})

    def set_parameters(self, deployment: str, parameters: dict[str, Any]) -> None:
        """Change what a deployment runs with, as a person does in the UI."""
        found = self.call("GET", f"deployments/name/{deployment}")
        self.call("PATCH", f"deployments/{found['id']}", {"parameters": found["parameters"] | parameters})

    def is_at_rest(self) -> bool:
        """Tell whether no run is at work or waits for its turn, and no slot is taken."""
        states = {"any_": ["RUNNING", "PENDING", "CANCELLING", "SCHEDULED"]}
        runs = self.call("POST", "flow_runs/filter", {"flow_runs": {"state": {"type": states}}})
        slots = self.call("POST", "v2/concurrency_limits/filter", {})
        return all(run["auto_scheduled"] for run in runs) and not any(one["active_slots"] for one in slots)

    def task_runs(self) -> list[dict[str, Any]]:
        """List every task run, those aside that only wait for a run."""
        found: list[dict[str, Any]] = []
        while page := self.call("POST", "task_runs/filter", {"limit": PAGE, "offset": len(found)}):
            found += page
        return [run for run in found if run["state"]["state_details"]["child_flow_run_id"] is None]


def role(*words: str) -> list[str]:
    """Return the command by which a container takes a role."""
    return [sys.executable, "-m", "deployments.containers.entry", *words]


@contextmanager
def services(folder: Path, programs: Path, parameters: dict[str, Any]) -> Generator[tuple[Services, Cluster]]:
    """Run all that hosts share on `ADDRESS`, brought to this version and with every deployment.

    Args:
        parameters: of the retraining that landed data wakes.
    """
    with ExitStack() as stack:
        cluster = stack.enter_context(shared_database(programs))
        found = prepare(folder, cluster)
        stack.callback(_end, found)
        redis = shutil.which("redis-server")
        assert redis, "install redis-server"
        bound = ["--bind", ADDRESS, "--port", str(REDIS_PORT), "--protected-mode", "no"]
        found.start("redis", [redis, *bound, "--dir", str(folder), "--appendonly", "yes"])
        found.run(*role("migrate"))
        found.start("server", role("server"))
        found.start("services", role("services"))
        found.run(*role("bootstrap"), "--labeller", "embedded", "--base-model", "embedded", "--gpu-hosts", "2")
        found.set_parameters("retrain/on-data-landed", parameters)
        yield found, cluster


@contextmanager
def shared_database(programs: Path) -> Generator[Cluster]:
    """Run PostgreSQL where hosts reach it."""
    with running_cluster(programs) as cluster:
        cluster.stop()
        with (cluster.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.0.0/24 trust\n")
        cluster.start(f"-c listen_addresses={ADDRESS} -c port={DATABASE_PORT}")
        yield cluster


def prepare(folder: Path, cluster: Cluster) -> Services:
    """Make databases and a home, and say what of them, and of what is still to be started, everything is told."""
    for name in ("feedback", "prefect"):
        cluster.execute(f"CREATE DATABASE {name}")
    home, place = folder / "home", f"postgres@{ADDRESS}:{DATABASE_PORT}"
    home.mkdir(parents=True)
    secret = f"feedback:{secrets.token_hex(16)}"
    environment = clean_environment(home) | {
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "TMPDIR": str(folder),
        "FEEDBACK_DATABASE_URL": f"postgresql://{place}/feedback",
        "FEEDBACK_SERVER_BIND": f"{ADDRESS}:{SERVER_PORT}",
        "PREFECT_API_URL": f"http://{ADDRESS}:{SERVER_PORT}/api",
        "PREFECT_API_AUTH_STRING": secret,
        "PREFECT_SERVER_API_AUTH_STRING": secret,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{place}/prefect",
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
        "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_URL": f"redis://{ADDRESS}:{REDIS_PORT}/0",
        "PREFECT_SERVER_DOCKET_URL": f"redis://{ADDRESS}:{REDIS_PORT}/1",
    }
    return Services(folder, home, f"postgresql+psycopg://{place}/feedback", environment)


def _end(found: Services) -> None:
    for process in reversed(found.processes.values()):  # each while what it has a last word for is there
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
