"""A Prefect server for this machine: finding one, starting one for the length of a command, and stopping it.

Commands use `PREFECT_API_URL` where it is set, else the server that `feedback up` announced in its home folder, else one they
start and stop themselves. Imports no Prefect: the server is a child process, spoken to over HTTP.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from feedback_model.errors import ConfigurationError
from feedback_model.progress import check_stop
from feedback_model.settings import Settings

START_SECONDS = 120.0  # a cold disk and a loaded machine have been seen to take 17
STOP_SECONDS = 15.0  # the tether itself gives its command 10
POLL_SECONDS = 0.1


def quiet_environment(settings: Settings) -> dict[str, str]:
    """Environment that every Prefect process of ours shares: where it keeps things, and no telemetry."""
    prefect_home = settings.home / "prefect"
    return {
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(prefect_home / "results"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "FEEDBACK_HOME": str(settings.home),
    }


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect server answers at `api_url`."""
    try:
        with urllib.request.urlopen(f"{api_url.rstrip('/')}/health", timeout=2) as reply:  # noqa: S310 - http by design
            return reply.status == 200
    except (urllib.error.URLError, OSError, ValueError):
        return False


def announcement(settings: Settings) -> Path:
    """The file in which `feedback up` says where its server is."""
    return settings.home / "prefect" / "server.json"


def running_server(settings: Settings) -> str | None:
    """API URL of the server to use: the environment's, or the one `feedback up` started here; None without either."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    try:
        url = json.loads(announcement(settings).read_text(encoding="utf-8"))["api_url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if is_healthy(url) else None


def free_port() -> int:
    """A TCP port on the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def close_tether(process: "subprocess.Popen[bytes]") -> None:
    """Tell a tethered child to end, without waiting for it."""
    if process.stdin is not None:
        process.stdin.close()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a tethered child politely, then for good."""
    close_tether(process)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_tethered(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a child that ends with this process, even on SIGKILL; what it prints goes to `log`."""
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "deployments.tether", *command],
            stdin=subprocess.PIPE,  # its closing is the sign that we are gone
            stdout=sink,
            stderr=sink,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C in the terminal is for us; we stop our children in order
        )


def server_command(port: int, *, ui: bool) -> list[str]:
    """What starts a Prefect server on 127.0.0.1."""
    command = [
        sys.executable,
        "-m",
        "deployments.prefect_server",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    return command if ui else [*command, "--no-ui"]


@contextmanager
def serving(port: int, log: Path, environment: Mapping[str, str], *, ui: bool) -> Generator[str]:
    """Run a Prefect server on 127.0.0.1 during the block; yields its API URL.

    Raises:
        ConfigurationError: it ended, or did not answer in time; names its log.
    """
    api_url = f"http://127.0.0.1:{port}/api"
    process = start_tethered(server_command(port, ui=ui), log, environment)
    try:
        await_health(process, api_url, log)
        yield api_url
    finally:
        stop(process)


def await_health(process: "subprocess.Popen[bytes]", api_url: str, log: Path) -> None:
    """Wait until the server that `process` is answers.

    Raises:
        ConfigurationError: it ended, or did not answer in time; names its log.
        Interrupted: a stop was requested.
    """
    deadline = time.monotonic() + START_SECONDS
    while not is_healthy(api_url):
        check_stop()
        if process.poll() is not None:
            raise ConfigurationError(f"the Prefect server ended with status {process.returncode}; its log is {log}")
        if time.monotonic() > deadline:
            raise ConfigurationError(f"the Prefect server did not answer in {START_SECONDS:.0f} s; its log is {log}")
        time.sleep(POLL_SECONDS)


@contextmanager
def temporary_server(settings: Settings) -> Generator[str]:
    """A server of this command's own, without UI; its database is kept, because making one takes seconds."""
    folder = settings.home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        database = stack.enter_context(_own_database(folder))
        environment = quiet_environment(settings) | {
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
            "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
            "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        }
        yield stack.enter_context(serving(free_port(), folder / "server.log", environment, ui=False))


@contextmanager
def _own_database(folder: Path) -> Generator[Path]:
    """A server database that no other command uses: the kept one if it is free, else one for this command alone."""
    import fcntl

    with (folder / "temporary.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder / "temporary.db"
        except BlockingIOError:
            private = Path(tempfile.mkdtemp(prefix="temporary-", dir=folder))
            try:
                yield private / "temporary.db"
            finally:
                shutil.rmtree(private, ignore_errors=True)
