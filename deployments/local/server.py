"""A Prefect server for this machine: finding one, starting one for the length of a command, and stopping it.

Commands use `PREFECT_API_URL` where it is set, else the server that `feedback up` announced in its home folder, else one they
start and stop themselves. Imports no Prefect: the server is a child process, spoken to over HTTP.
"""

import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from deployments.local.prefect_guard import ENTRY, USER
from deployments.local.supervisor import running
from feedback_model.errors import ConfigurationError
from feedback_model.network import read_url
from feedback_model.processes import START_SILENCE, ManagedProcess
from feedback_model.progress import check_stop
from feedback_model.serving.senders import held_twin
from feedback_model.serving.token_file import new_secret, read_token, write_private
from feedback_model.store.owners import is_alive, process_owner
from feedback_model.waiting import Waiting

if TYPE_CHECKING:
    from feedback_model.settings import Settings

AWAY_SECONDS = 60.0  # for which a server that is away is waited for
ANSWER_SECONDS = 2.0
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A Prefect server, and what lets clients in."""

    api_url: str
    secret: str = field(default="", repr=False)
    """`user:password`; empty where it wants none, or where the environment has it."""

    def environment(self) -> dict[str, str]:
        """Return what a client is told."""
        let_in = {"PREFECT_API_AUTH_STRING": self.secret} if self.secret else {}
        return {"PREFECT_API_URL": self.api_url, **let_in}


def own_server(listener: socket.socket) -> PrefectServer:
    """Name a server that is to answer at `listener`, with a secret that is made for it."""
    return PrefectServer(f"http://127.0.0.1:{listener.getsockname()[1]}/api", f"{USER}:{new_secret()}")


def quiet_environment(settings: "Settings") -> dict[str, str]:
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
    """Tell whether a Prefect server answers at `api_url`."""
    try:
        return read_url(f"{api_url.rstrip('/')}/health", ANSWER_SECONDS).status == HTTPStatus.OK
    except (OSError, ValueError):
        return False


def wait_for_answer(api_url: str) -> None:
    """Wait until a Prefect API answers at `api_url`.

    Raises:
        ConfigurationError: nothing did for a while, or what answers is no Prefect API.
        Interrupted: a stop was requested.
    """
    _check_url(api_url)
    waiting = Waiting(f"the Prefect server at {api_url}", "start it, or unset PREFECT_API_URL; Ctrl-C stops")
    deadline = time.monotonic() + AWAY_SECONDS
    while not _answers(api_url):
        check_stop()
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"no Prefect server answers at {api_url}; start it, or unset PREFECT_API_URL to have one started for this command"
            )
        waiting.look()
        time.sleep(POLL_SECONDS)  # between two looks


def _check_url(api_url: str) -> None:
    parts = urlsplit(api_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"PREFECT_API_URL is no URL: {api_url!r}; set it to one such as http://127.0.0.1:4200/api"
        )


def _answers(api_url: str) -> bool:
    try:
        status, media_type, _ = read_url(f"{api_url.rstrip('/')}/health", ANSWER_SECONDS)
    except (OSError, ValueError):
        return False
    is_page = status == HTTPStatus.OK and media_type == "text/html"  # the UI's, as beside the API
    if is_page or status == HTTPStatus.NOT_FOUND:
        raise ConfigurationError(
            f"what answers at {api_url} is no Prefect API; its URL ends in /api, correct PREFECT_API_URL"
        )
    return True


def announcement(settings: "Settings") -> Path:
    """Return the file in which `feedback up` says where its server is."""
    return settings.home / "prefect" / "server.json"


def announce(settings: "Settings", server: PrefectServer) -> None:
    """Say in the home folder where the server of this process is, and what lets this user's commands in."""
    said = {"api_url": server.api_url, "secret": server.secret, "pid": os.getpid(), "owner": process_owner()}
    write_private(announcement(settings), json.dumps(said))


def announced_server(settings: "Settings") -> PrefectServer | None:
    """Return the server that a `feedback up` announced which lives; None without one, or where it lives on another host.

    Once it has died its port is free, and whoever listens there, such as another user, would be taken for it.
    """
    try:
        said = json.loads(announcement(settings).read_text(encoding="utf-8"))
        server, owner = PrefectServer(said["api_url"], said["secret"]), str(said["owner"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_there = is_alive(owner)
    # Not told where a system has no /proc; the port itself is held for as long as `up` lives.
    return server if is_there or (is_there is None and not Path("/proc/self").exists()) else None


def running_server(settings: "Settings") -> PrefectServer | None:
    """Return the server to use: the environment's, or the one `feedback up` started here; None without either."""
    announced = announced_server(settings)
    url = os.environ.get("PREFECT_API_URL")
    if url:
        return announced if announced and announced.api_url == url and not _has_secret() else PrefectServer(url)
    return announced if announced and is_healthy(announced.api_url) else None


def person_token(settings: "Settings") -> Path:
    """Return the file with the token that lets a person into the UI of `feedback up`."""
    return settings.home / "prefect" / "token"


def entry_link(settings: "Settings", server: PrefectServer) -> str:
    """Return the link by which a person comes into the UI.

    Raises:
        ConfigurationError: the token cannot be used.
    """
    return f"{server.api_url.removesuffix('/api')}{ENTRY}#{read_token(person_token(settings))}"


def _has_secret() -> bool:
    return bool(os.environ.get("PREFECT_API_AUTH_STRING"))


@contextmanager
def listening(port: int) -> Generator[socket.socket]:
    """Listen on a port of the loopback interface during the block; 0 takes a free one.

    Who starts a server keeps this open as long as the server is wanted: a port that is free for a moment may be taken by another
    user of the machine, who would then be told our secrets.

    Raises:
        ConfigurationError: it cannot be used.
    """
    with ExitStack() as stack:
        try:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", port)))
            stack.enter_context(held_twin(listener))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} cannot be used ({error.strerror}); choose another with --port"
            ) from error
        yield listener


def server_process(
    server: PrefectServer,
    listener: socket.socket,
    log: Path,
    environment: Mapping[str, str],
    *,
    token_file: Path | None = None,
    names: Sequence[str] = (),
) -> ManagedProcess:
    """Describe a guarded Prefect server, to be started.

    Args:
        listener: where it answers; to be kept open.
        token_file: holds what lets a person into its UI; None: it has no UI.
        names: under which it is reached beside this machine's own.
    """
    person = ["--token-file", str(token_file)] if token_file else []
    person += [word for name in names for word in ("--name", name)]
    command = [sys.executable, "-m", "deployments.local.prefect_server", str(listener.fileno()), *person]
    told = {
        "PREFECT_SERVER_API_AUTH_STRING": server.secret,
        "PREFECT_SERVER_UI_ENABLED": str(token_file is not None).lower(),
        "PREFECT_UI_API_URL": "/api",  # under whichever name a person came
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": server.api_url.removesuffix("/api"),
    }
    return ManagedProcess("Prefect server", command, log, {**environment, **told}, [listener.fileno()])


def wait_until_healthy(server: ManagedProcess, api_url: str, silence: float) -> None:
    """Wait until `server` answers at `api_url`, as `ManagedProcess.wait_until_ready` does."""
    server.wait_until_ready(lambda: is_healthy(api_url) or None, silence)


@contextmanager
def serving(log: Path, environment: Mapping[str, str], *, silence: float = START_SILENCE) -> Generator[PrefectServer]:
    """Run a Prefect server without UI on a free port of 127.0.0.1 during the block.

    Raises:
        ConfigurationError: it ended, or said nothing for `silence` seconds; names its log.
        Interrupted: a stop was requested while it started.
    """
    with listening(0) as listener:
        server = own_server(listener)
        process = server_process(server, listener, log, environment)
        with running(process):
            wait_until_healthy(process, server.api_url, silence)
            yield server


@contextmanager
def temporary_server(settings: "Settings") -> Generator[PrefectServer]:
    """Start a server of this command's own, without UI; its database is kept, because making one takes seconds."""
    folder = settings.home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        database = stack.enter_context(_own_database(folder))
        environment = quiet_environment(settings) | {
            "PREFECT_API_DATABASE_CONNECTION_URL": server_database(database),
            "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
            "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        }
        log = folder / "server.log"
        yield stack.enter_context(serving(log, environment, silence=settings.start_silence))


def server_database(path: Path) -> str:
    """Return the URL by which a Prefect server keeps its SQLite database at `path`, whatever characters stand in that."""
    return f"sqlite+aiosqlite:///file:{quote(str(path))}?uri=true"


@contextmanager
def _own_database(folder: Path) -> Generator[Path]:
    """Choose a server database that no other command uses: the kept one if it is free, else one for this command alone."""
    import fcntl

    with (folder / "temporary.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder / "temporary.db"
        except BlockingIOError:
            private = Path(tempfile.mkdtemp(prefix="temporary-", dir=folder))
            try:
                with (private / "lock").open("w") as used:  # tells it from one whose command was killed
                    fcntl.flock(used, fcntl.LOCK_EX)
                    yield private / "temporary.db"
            finally:
                shutil.rmtree(private, ignore_errors=True)
