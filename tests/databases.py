"""Databases that are filled once and copied for every test that wants one like them: a copy takes milliseconds, a migration
most of a second.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import psycopg
from sqlalchemy.engine import make_url

from feedback_model.store.connection import Store, open_store

T = TypeVar("T")
Fill = Callable[[Store], Any]
OpenFilled = Callable[[Callable[[Store], Any]], tuple[Store, Any]]
"""Opens a store as a function left it; returns what the function returned, too."""


def migrated(_store: Store) -> None:
    """Leave an open store as it is: tables without rows."""


class SharedStore(Store):
    """A store that tests share: it is read and never written."""

    def write(self, *, foreign_keys: bool = True) -> NoReturn:
        """Refuse."""
        raise AssertionError("other tests read this store too; ask for `any_store_with`")


class Databases(ABC):
    """Databases of one kind; those that were filled, by the function that filled them."""

    def __init__(self) -> None:
        self._filled: dict[Fill, tuple[str, Any]] = {}

    @abstractmethod
    def new_url(self) -> str:
        """A URL that no database has yet."""

    @abstractmethod
    def create(self, url: str) -> None:
        """Make a database without tables, where opening it does not."""

    @abstractmethod
    def copy(self, template: str, url: str) -> None:
        """Make a database like another one."""

    def fill(self, url: str, fill: Callable[[Store], T] = migrated) -> T:
        """Make the database at `url` as `fill` leaves an empty store; returns what `fill` did.

        Args:
            fill: a function of a module, by which its database is found again.
        """
        if fill not in self._filled:
            self._filled[fill] = self._make_template(fill)
        template, returned = self._filled[fill]
        self.copy(template, url)
        return returned

    def _make_template(self, fill: Fill) -> tuple[str, Any]:
        url = self.new_url()
        if fill is migrated:
            self.create(url)
        else:
            self.fill(url)
        with closing(open_store(url)) as store:
            return url, fill(store)


class SQLiteFiles(Databases):
    """Databases in files."""

    def __init__(self, folder: Path) -> None:
        """Take a folder for templates."""
        super().__init__()
        self._folder = folder

    def new_url(self) -> str:
        return f"sqlite:///{self._folder / uuid.uuid4().hex}.db"

    def create(self, url: str) -> None:
        """Opening it makes it."""

    def copy(self, template: str, url: str) -> None:
        _path(url).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_path(template), _path(url))


@cache
def sqlite_files() -> SQLiteFiles:
    """The files of this process."""
    folder = Path(tempfile.mkdtemp(prefix="feedback-sqlite-"))
    atexit.register(shutil.rmtree, folder)
    return SQLiteFiles(folder)


def open_sqlite(url: str) -> Store:
    """Open the store at `url`; a SQLite file that is not there yet becomes a copy of a migrated one."""
    if url.startswith("sqlite:") and not _path(url).exists():
        sqlite_files().fill(url)
    return open_store(url)


def _path(url: str) -> Path:
    return Path(str(make_url(url).database))


class Cluster(Databases):
    """Databases of a running PostgreSQL server."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """Take the folders of PostgreSQL's programs, and of its data and its Unix socket."""
        super().__init__()
        self._pg_ctl, self._folder = programs / "pg_ctl", folder
        self._url = f"postgresql+psycopg://postgres@/{{}}?host={folder}"

    @property
    def data(self) -> Path:
        """The folder of its data and settings."""
        return self._folder / "data"

    def start(self, more: str = "-c listen_addresses=") -> None:
        """Serve; on a Unix socket alone, unless `more` says otherwise."""
        options = f"-c unix_socket_directories={self._folder} -c fsync=off -c max_connections=50 {more}"
        log = self._folder / "log"
        _run_as_postgres(self._pg_ctl, "-D", self._folder / "data", "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """End every session and serve no more."""
        _run_as_postgres(self._pg_ctl, "-D", self._folder / "data", "-m", "immediate", "stop")

    def new_url(self) -> str:
        return self._url.format(f"t{uuid.uuid4().hex}")

    def create(self, url: str) -> None:
        self.copy(self._url.format("template1"), url)

    def copy(self, template: str, url: str) -> None:
        self.execute(f"CREATE DATABASE {make_url(url).database} TEMPLATE {make_url(template).database}")

    def drop(self, url: str) -> None:
        """Drop the database at `url`, if there is one, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def execute(self, sql: str) -> None:
        """Run a statement as the owner of all."""
        with self._session() as session:
            session.execute(sql.encode())

    def connections(self) -> dict[str, int]:
        """Count the connections to each database at this moment."""
        sql = b"SELECT datname, count(*) FROM pg_stat_activity WHERE datname IS NOT NULL GROUP BY datname"
        with self._session() as session:
            return dict(session.execute(sql).fetchall())

    def _session(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(self._url.format("postgres").replace("+psycopg", ""), autocommit=True)


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, where they are installed."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def running_cluster(programs: Path) -> Generator[Cluster]:
    """Run a PostgreSQL of our own, on a Unix socket alone."""
    # Not under pytest's own folder, which another session of root's may close to user postgres at any time.
    folder = Path(tempfile.mkdtemp(prefix="feedback-postgres-"))
    if os.geteuid() == 0:  # initdb refuses root, so root runs it as user postgres
        shutil.chown(folder, "postgres")
    initdb = (programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
    _run_as_postgres(*initdb)
    cluster = Cluster(programs, folder)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def _run_as_postgres(program: Path, *arguments: object) -> None:
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    command = [*become, str(program), *map(str, arguments)]
    done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()
