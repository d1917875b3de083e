"""A real `feedback up` for tests: its own home folder and port, stopped as Ctrl-C would stop it."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ports import free_port

HANGS = 600.0  # seconds after which nothing will come any more, however busy the machine is


@dataclass(frozen=True)
class LocalService:
    home: Path
    url: str
    pid: int
    output: Path

    def environment(self) -> dict[str, str]:
        return clean_environment(self.home)

    @property
    def token(self) -> str:
        """What lets a person in."""
        return (self.home / "prefect" / "token").read_text().strip()

    def client_environment(self) -> dict[str, str]:
        """What a Prefect client of that person is told."""
        return {"PREFECT_API_URL": f"{self.url}/api", "PREFECT_API_AUTH_STRING": f"feedback:{self.token}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": authorization(f"feedback:{self.token}")}
        request = urllib.request.Request(f"{self.url}/api/{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def deployment(self, name: str) -> dict[str, Any]:
        return self.call("GET", f"deployments/name/{name}")

    def runs_of(self, name: str) -> list[dict[str, Any]]:
        only = {"deployments": {"id": {"any_": [self.deployment(name)["id"]]}}}
        return self.call("POST", "flow_runs/filter", only)

    def errors_of_server(self) -> list[str]:
        """Lines of the Prefect server's log that tell of an error."""
        lines = (self.home / "prefect" / "server.log").read_text().splitlines()
        return [line for line in lines if "| ERROR" in line]

    def finished_run(self, name: str) -> dict[str, Any]:
        """The first run of the deployment to end."""
        over = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        return eventually(lambda: next((run for run in self.runs_of(name) if run["state_type"] in over), None))


def bootstrap_again(service: LocalService) -> None:
    """Deploy everything once more, as each `feedback up` does."""
    script = "import asyncio; from deployments.deploy import bootstrap; asyncio.run(bootstrap())"
    environment = service.environment() | service.client_environment()
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=HANGS)


def authorization(secret: str) -> str:
    """The header by which a Prefect API lets `user:password` in."""
    return f"Basic {base64.b64encode(secret.encode()).decode()}"


def eventually(look: Callable[[], Any], seconds: float = HANGS) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing came of it in {seconds} s"
        time.sleep(0.1)
    return found


def clean_environment(home: Path) -> dict[str, str]:
    ours = ("FEEDBACK_", "OPENAI_", "WANDB_", "PREFECT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"FEEDBACK_HOME": str(home), "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", "COLUMNS": "200"}


@contextmanager
def feedback_up(home: Path, *options: str, **settings: str) -> Generator[LocalService]:
    """`feedback up` with `options` and, as environment variables, `settings`; stopped at the end, which must go well."""
    home.mkdir(parents=True, exist_ok=True)
    port, output = free_port(), home / "up.out"
    command = [sys.executable, "-m", "deployments.cli.app", "up", "--port", str(port), *options]
    with output.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=clean_environment(home) | settings)
    try:
        announced = home / "prefect" / "server.json"
        eventually(lambda: announced.exists() or process.poll() is not None)
        assert process.poll() is None, output.read_text()
        yield LocalService(home, f"http://127.0.0.1:{port}", process.pid, output)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(HANGS)
    assert process.returncode == 0, output.read_text()
    assert "Traceback" not in output.read_text()
