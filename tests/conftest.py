"""Fixtures: an empty store on SQLite, and the same on a throw-away PostgreSQL where its programs are installed."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from feedback_model import progress
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, open_store


@pytest.fixture(autouse=True)
def _no_stop_requested() -> Iterator[None]:
    yield
    progress.clear_stop()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a home folder in `tmp_path`, deaf to the environment."""
    for name in [name for name in os.environ if name.startswith(("FEEDBACK_", "OPENAI_", "WANDB_"))]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """An empty store on SQLite, where `settings` say."""
    opened = open_store(settings.store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """A PostgreSQL of our own, on a Unix socket alone; its URL lacks the database's name."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl were not found: install the package postgresql")
    # Not under pytest's own folder, which another session of root's may close to user postgres at any time.
    folder = Path(tempfile.mkdtemp(prefix="feedback-postgres-"))
    if os.geteuid() == 0:  # initdb refuses root, so root runs it as user postgres
        shutil.chown(folder, "postgres")
    data, log = folder / "data", folder / "log"
    _run_as_postgres(programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=50"
    _run_as_postgres(programs / "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
    yield f"postgresql+psycopg://postgres@/{{}}?host={folder}"
    _run_as_postgres(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def new_postgres_database(postgres_cluster: str) -> Callable[[], str]:
    """Makes an empty PostgreSQL database and tells its URL."""

    def make() -> str:
        name = f"t{uuid.uuid4().hex}"
        admin = postgres_cluster.format("postgres").replace("+psycopg", "")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return postgres_cluster.format(name)

    return make


@pytest.fixture
def postgres_url(new_postgres_database: Callable[[], str]) -> str:
    """The URL of an empty PostgreSQL database."""
    return new_postgres_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store_url(request: pytest.FixtureRequest, settings: Settings) -> str:
    """The URL of an empty database, of each kind in turn."""
    return settings.store_url if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def any_store(any_store_url: str) -> Iterator[Store]:
    """An empty store, on each kind of database in turn."""
    opened = open_store(any_store_url)
    yield opened
    opened.close()


def _postgres_programs() -> Path | None:
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _run_as_postgres(program: Path, *arguments: object) -> None:
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    command = [*become, str(program), *map(str, arguments)]
    done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()
