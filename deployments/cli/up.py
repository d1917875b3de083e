"""`feedback up`: a Prefect server, its workers and every deployment on this machine, until it is stopped."""

import os
import socket
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from deployments.cli.options import (
    Epochs,
    Precision,
    RecipeChanges,
    RecipeFile,
    RecipeSeed,
    choose_recipe,
    load_settings,
)
from deployments.local.environment import prefect_defaults
from deployments.local.left_processes import STARTED_BY, end_left_processes, end_own_processes
from deployments.local.preparation import prepare
from deployments.local.server import (
    PrefectServer,
    announce,
    announced_server,
    announcement,
    entry_link,
    listening,
    own_server,
    person_token,
    quiet_environment,
    server_database,
    server_process,
    wait_until_healthy,
)
from deployments.local.supervisor import running, watch
from deployments.terminal import out, say, showing_progress
from feedback_model.errors import ConfigurationError, Interrupted
from feedback_model.processes import ManagedProcess
from feedback_model.records.labels import LabellerKind
from feedback_model.serving.token_file import renew_token
from feedback_model.store.owners import process_owner

if TYPE_CHECKING:
    from deployments.deployed import Deployed
    from feedback_model.settings import Settings

_FINDS_CODE = ("LD_", "PYTHON", "PATH")  # variables by which programs find code: not for a file that lies around to set


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the server and its UI, on 127.0.0.1.")] = 4200,
    labeller: Annotated[
        LabellerKind | None, typer.Option(help="Default labeller of the deployments from now on; kept by a later `up`.")
    ] = None,
    base_model: Annotated[
        str | None, typer.Option(help="Default base model of the deployments from now on; kept by a later `up`.")
    ] = None,
    recipe: RecipeFile = None,
    changes: RecipeChanges = None,
    epochs: Epochs = None,
    precision: Precision = None,
    seed: RecipeSeed = None,
) -> None:
    """Start a Prefect server with its UI, workers and every deployment, and keep them running until Ctrl-C.

    Fields of the recipe that are given become the deployments' defaults from now on; a later `up` keeps them.
    """
    from deployments.local.run_flow import stopping_on_interrupt

    fields = choose_recipe(recipe, changes, epochs=epochs, precision=precision, seed=seed)
    settings = load_settings()
    chosen = _chosen_defaults(settings, labeller, base_model) | fields
    folder = settings.home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    settings.inbox.mkdir(parents=True, exist_ok=True)
    stopping = stopping_on_interrupt("stopping the workers and the server")
    with _only_one(folder, settings), stopping, _without_left_processes(settings), listening(port) as listener:
        # A page that was left open tells the former one to whoever listens at this port in between.
        renew_token(person_token(settings))
        server = own_server(listener)
        os.environ.update(_environment(settings, server))
        try:
            _serve(settings, server, listener, chosen)
        except Interrupted:
            say("stopped; runs that were at work go on at the next `feedback up`")


def _serve(settings: "Settings", server: PrefectServer, listener: socket.socket, chosen: Mapping[str, Any]) -> None:
    folder, token_file = settings.home / "prefect", person_token(settings)
    process = server_process(
        server, listener, folder / "server.log", {}, token_file=token_file, names=settings.serve_host_names
    )
    workers = ManagedProcess("workers", [sys.executable, "-m", "deployments.local.workers"], folder / "workers.log")
    say(f"starting a Prefect server at {server.api_url} ...")
    with running(process):
        wait_until_healthy(process, server.api_url, settings.start_silence)
        prepared = prepare(chosen, folder / "preparation.log")
        with running(workers), _announced(settings, server):
            _welcome(settings, server, prepared.deployed)
            for name in prepared.resumed:
                say(f"the run {name} goes on: its process had ended with the `feedback up` before")
            watch([process, workers], say)


def _chosen_defaults(settings: "Settings", labeller: LabellerKind | None, base_model: str | None) -> dict[str, Any]:
    """Deployment parameters from the options that were given, checked now rather than in the first run."""
    from deployments.cli.stages import check_choices

    if base_model and Path(base_model).is_dir():
        base_model = str(Path(base_model).absolute())  # a run has a working directory of its own
    if labeller or base_model:
        to_check = "" if base_model in (None, "embedded") else base_model  # the demo's is made when it is first needed
        with showing_progress():
            check_choices(settings, labeller or "embedded", to_check)
    given = {"labeller": labeller, "base_model": base_model}
    return {name: value for name, value in given.items() if value is not None}


@contextmanager
def _only_one(folder: Path, settings: "Settings") -> Generator[None]:
    """Hold the home folder against a second `feedback up`; the lock ends with this process, however it ends."""
    import fcntl

    with (folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"`feedback up` runs already with {settings.home} ({_where(settings, lock)}); "
                "use that one, stop it first, or point FEEDBACK_HOME elsewhere"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield


@contextmanager
def _without_left_processes(settings: "Settings") -> Generator[None]:
    """End what an earlier one left, which may hold our port and be at work on runs that go on here; and leave nothing."""
    if count := end_left_processes(settings.home):
        say(f"ended {count} processes that an earlier `feedback up` had left behind")
    try:
        yield
    finally:
        end_own_processes(settings.home)


def _where(settings: "Settings", lock: IO[str]) -> str:
    lock.seek(0)
    holder = lock.read() or "another process"
    announced = announced_server(settings)
    return f"{holder}, {announced.api_url.removesuffix('/api')}" if announced else f"{holder}, which is starting"


def _environment(settings: "Settings", server: PrefectServer) -> dict[str, str]:
    """Build the environment of server, workers and runs; a setting of the caller's own stands where it names one of these."""
    defaults = {
        # Slots of a holder that died with the server come back; in memory they would be lost.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        **prefect_defaults(settings),
    }
    if "?" in str(settings.home):  # which Prefect would take for the end of its database's name
        defaults["PREFECT_API_DATABASE_CONNECTION_URL"] = server_database(settings.home / "prefect" / "prefect.db")
    ours = quiet_environment(settings) | server.environment() | {STARTED_BY: process_owner()}
    return defaults | _dotenv() | dict(os.environ) | ours


def _dotenv() -> dict[str, str]:
    """Return the `.env` of this folder, because runs have a working directory of their own and would not find it."""
    from dotenv import dotenv_values

    found = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {name: value for name, value in found.items() if not name.startswith(_FINDS_CODE)}


@contextmanager
def _announced(settings: "Settings", server: PrefectServer) -> Generator[None]:
    """Say in the home folder where the server is, so that the other commands use it."""
    announce(settings, server)
    try:
        yield
    finally:
        announcement(settings).unlink(missing_ok=True)


def _welcome(settings: "Settings", server: PrefectServer, deployed: "tuple[Deployed, ...]") -> None:
    ui_url = server.api_url.removesuffix("/api")
    table = Table("deployment", "pool", "starts", header_style="bold")
    for one in deployed:
        page = f"{ui_url}/v2/deployments/deployment/{one.deployment_id}"
        table.add_row(Text(one.name, style=f"link {page}"), one.pool, one.starts)
    out.print(table)
    say("the UI, for you alone (open a deployment, then Run):")
    out.print(entry_link(settings, server), soft_wrap=True, highlight=False)
    say(f"land data: feedback land PATH..., or put files into {settings.inbox}; retraining then starts by itself")
    for sentence in _warnings(settings, deployed):
        say(f"note: {sentence}")
    say("Ctrl-C stops everything")


def _warnings(settings: "Settings", deployed: "tuple[Deployed, ...]") -> list[str]:
    labellers = {one.parameters.get("labeller", "openai") for one in deployed if one.name.startswith("retrain/")}
    if "openai" not in labellers or settings.openai_api_key is not None:
        return []
    missing_key = (
        "OPENAI_API_KEY is not set, so retraining will stop at its first label; "
        "set it, or choose the demo's: feedback up --labeller embedded --base-model embedded"
    )
    return [missing_key]
