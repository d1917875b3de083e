"""What hosts share: PostgreSQL, Redis, an endpoint, a Prefect server and its background services, as containers run them."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from feedback_model.errors import FeedbackError
from feedback_model.store.readonly_sql import run_query
from tests.databases import Cluster, running_cluster
from tests.hosts.network import ADDRESS, Host
from tests.local_service import authorization, clean_environment, eventually

SERVER_PORT, DATABASE_PORT, REDIS_PORT = 4200, 5432, 6379
HANGS = 900.0
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

    def start(self, name: str, command: list[str], **more: str) -> Process:
        """Start a process, told `more` of its environment; what it writes lies in a file of that name."""
        with (self.folder / f"{name}.out").open("ab") as sink:
            process = subprocess.Popen(command, stdout=sink, stderr=sink, env=self.environment | more)
        self.processes[name] = process
        return process

    def start_worker(self, host: Host, **more: str) -> Process:
        """Have a host work for both pools."""
        scratch = self.folder / host.name
        scratch.mkdir(exist_ok=True)
        return self.start(host.name, host.command(*role("worker", "cpu", "gpu")), TMPDIR=str(scratch), **more)

    def run(self, *words: str, **more: str) -> None:
        """Run a role or command to its end."""
        subprocess.run(role(*words), env=self.environment | more, check=True, stdout=subprocess.DEVNULL, timeout=HANGS)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the Prefect server."""
        headers = {
            "Content-Type": "application/json",
            "Authorization": authorization(self.environment["PREFECT_API_AUTH_STRING"]),
        }
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.environment['PREFECT_API_URL']}/{path}", data, headers, method=method)
        with urllib.request.urlopen(asked, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def begin(self, deployment: str, **parameters: Any) -> str:
        """Begin a run of a deployment."""
        found = self.call("GET", f"deployments/name/{deployment}")["id"]
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return self.call("POST", f"deployments/{found}/create_flow_run", body)["id"]

    def await_end(self, run_id: str, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Wait until a run is over."""

        def look() -> dict[str, Any] | None:
            meanwhile()
            run = self.call("GET", f"flow_runs/{run_id}")
            return run if run["state_type"] in {"COMPLETED", "FAILED", "CANCELLED"} else None

        return eventually(look, HANGS)

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Ask the results; nothing while they cannot be asked."""
        try:
            return run_query(self.url, sql).rows
        except FeedbackError:
            return ()

    def count(self, sql: str) -> int:
        found = self.rows(f"SELECT COUNT(*) FROM {sql}")
        return found[0][0] if found else 0

    def seconds_of_services(self, cluster: Cluster) -> float:
        """Seconds of processor time that server, database and Redis have taken."""
        roots = [self.processes[name].pid for name in ("redis", "server", "services")]
        roots.append(int((cluster.data / "postmaster.pid").read_text().splitlines()[0]))
        return sum(_seconds(pid) for pid in roots)


def role(*words: str) -> list[str]:
    """Return the command by which a container takes a role."""
    return [sys.executable, "-m", "deployments.containers.entry", *words]


def _seconds(pid: int) -> float:
    """Of a process, its children and those that it has waited for."""
    total = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def services(folder: Path, programs: Path, **settings: str) -> Generator[tuple[Services, Cluster]]:
    """Run all that hosts share on `ADDRESS`, brought to this version and with every deployment."""
    with ExitStack() as stack:
        cluster = stack.enter_context(_database(programs))
        found = _prepare(folder, cluster, settings)
        stack.callback(_end, found)
        redis = shutil.which("redis-server")
        assert redis, "install redis-server"
        bound = ["--bind", ADDRESS, "--port", str(REDIS_PORT), "--protected-mode", "no"]
        found.start("redis", [redis, *bound, "--save", "", "--appendonly", "no"])
        found.run("migrate")
        found.start("server", role("server"))
        found.start("services", role("services"))
        found.run("bootstrap", "--labeller", "embedded", "--base-model", "embedded", "--gpu-hosts", "2")
        yield found, cluster


@contextmanager
def _database(programs: Path) -> Generator[Cluster]:
    with running_cluster(programs) as cluster:
        cluster.stop()
        with (cluster.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.0.0/24 trust\n")
        cluster.start(f"-c listen_addresses={ADDRESS} -c port={DATABASE_PORT}")
        yield cluster


def _prepare(folder: Path, cluster: Cluster, settings: dict[str, str]) -> Services:
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
        **settings,
    }
    return Services(folder, home, f"postgresql+psycopg://{place}/feedback", environment)


def _end(found: Services) -> None:
    for process in reversed(found.processes.values()):
        process.terminate()
    for process in found.processes.values():
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
