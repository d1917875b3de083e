"""Fixtures: an empty store on SQLite, and the same on a throw-away PostgreSQL where its programs are installed."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest

from feedback_model import masking, progress
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, connect, open_store
from tests.databases import (
    Cluster,
    Databases,
    OpenFilled,
    SharedStore,
    SQLiteFiles,
    postgres_programs,
    running_cluster,
    sqlite_files,
)
from tests.filled_store import fill

T = TypeVar("T")


MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3  # bytes that a whole run of the tests stays below


# Examples have no deadline and data may come slowly: a busy machine is no bug.
UNHURRIED: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("default", max_examples=50, **UNHURRIED)
hypothesis.settings.register_profile("thorough", max_examples=300, **UNHURRIED)  # `make e2e`
hypothesis.settings.load_profile("default")


def pytest_configure() -> None:
    """Put temporary files into memory where there is room: every commit waits for the disk, and the tests with it."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


@pytest.fixture(autouse=True)
def _no_stop_requested() -> Iterator[None]:
    yield
    progress.clear_stop()


@pytest.fixture(autouse=True)
def _no_secret_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_known", set[str]())


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a home folder in `tmp_path`, deaf to the environment."""
    for name in [name for name in os.environ if name.startswith(("FEEDBACK_", "OPENAI_", "WANDB_"))]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def store_url(settings: Settings) -> str:
    """The URL of a SQLite file with empty tables, where `settings` say."""
    sqlite_files().fill(settings.store_url)
    return settings.store_url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store on SQLite, where `settings` say."""
    with closing(open_store(store_url)) as opened:
        yield opened


@pytest.fixture
def store_with(settings: Settings) -> Iterator[OpenFilled]:
    """Opens a store on SQLite as a function left one; returns what that function returned, too."""
    with ExitStack() as stack:
        yield partial(_open_filled, stack, sqlite_files(), settings.store_url)


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """What a command does to its process, which closes its files to others, ends with the test."""
    os.umask(before := os.umask(0o077))
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL of our own."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl were not found: install the package postgresql")
    with running_cluster(programs) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def new_postgres_database(postgres_cluster: Cluster) -> Callable[[], str]:
    """Makes a PostgreSQL database with empty tables and tells its URL."""

    def make() -> str:
        url = postgres_cluster.new_url()
        postgres_cluster.fill(url)
        return url

    return make


@pytest.fixture
def free_postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """A URL that no PostgreSQL database has yet; the one it gets is dropped."""
    url = postgres_cluster.new_url()
    yield url
    postgres_cluster.drop(url)


@pytest.fixture
def postgres_url(postgres_cluster: Cluster, free_postgres_url: str) -> str:
    """The URL of a PostgreSQL database with empty tables."""
    postgres_cluster.fill(free_postgres_url)
    return free_postgres_url


@pytest.fixture
def empty_postgres_url(postgres_cluster: Cluster, free_postgres_url: str) -> str:
    """The URL of a PostgreSQL database without tables."""
    postgres_cluster.create(free_postgres_url)
    return free_postgres_url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def any_databases(request: pytest.FixtureRequest) -> Databases:
    """Each kind of database in turn."""
    return sqlite_files() if request.param == "sqlite" else request.getfixturevalue("postgres_cluster")


@pytest.fixture(scope="session")
def any_filled_store(any_databases: Databases) -> Iterator[Store]:
    """The store that `filled_store` fills, on each kind of database in turn; one for all tests that only read."""
    url = any_databases.new_url()
    any_databases.fill(url, fill)
    with closing(connect(url)) as opened:
        yield SharedStore(opened.engine)


@pytest.fixture
def any_free_url(request: pytest.FixtureRequest, any_databases: Databases, settings: Settings) -> str:
    """A URL that no database has yet, of each kind in turn."""
    is_sqlite = isinstance(any_databases, SQLiteFiles)
    return settings.store_url if is_sqlite else request.getfixturevalue("free_postgres_url")


@pytest.fixture
def any_empty_url(any_databases: Databases, any_free_url: str) -> str:
    """The URL of a database without tables, of each kind in turn."""
    any_databases.create(any_free_url)
    return any_free_url


@pytest.fixture
def any_store_url(any_databases: Databases, any_free_url: str) -> str:
    """The URL of a database with empty tables, of each kind in turn."""
    any_databases.fill(any_free_url)
    return any_free_url


@pytest.fixture
def any_store(any_store_url: str) -> Iterator[Store]:
    """An empty store, on each kind of database in turn."""
    with closing(open_store(any_store_url)) as opened:
        yield opened


@pytest.fixture
def any_store_with(any_databases: Databases, any_free_url: str) -> Iterator[OpenFilled]:
    """Opens a store as a function left one, on each kind of database in turn; returns what that function returned, too."""
    with ExitStack() as stack:
        yield partial(_open_filled, stack, any_databases, any_free_url)


def _open_filled(stack: ExitStack, databases: Databases, url: str, fill: Callable[[Store], T]) -> tuple[Store, T]:
    returned = databases.fill(url, fill)
    return stack.enter_context(closing(open_store(url))), returned
