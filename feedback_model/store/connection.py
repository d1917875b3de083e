"""Opening the database: SQLite by default, PostgreSQL through the same code, brought to the newest schema on the way."""

import sqlite3
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from feedback_model.errors import StoreError

BUSY_SECONDS = 30.0  # how long a SQLite writer waits for another before it gives up
CONNECT_SECONDS = 10  # how long PostgreSQL may take to answer

_WENT_AWAY = "nothing of this write was kept; run the same command again when PostgreSQL is back"
# What to do, by words of what was found; the first that fits counts.
_ADVICE = {
    "locked": "another process has been writing for too long; try again when it has finished",
    "readonly": "make the file and its folder writable",
    "disk is full": "make room on that disk",
    "disk i/o error": "look at that disk: it may be full or gone",
    "not a database": "move that file away, or point FEEDBACK_DATABASE_URL elsewhere",
    "malformed": "the file is damaged: put a copy of it in its place, or move it away and begin anew",
    "unable to open": "make the folder writable, or point FEEDBACK_HOME elsewhere",
    "terminating connection": _WENT_AWAY,
    "connection unexpectedly": _WENT_AWAY,
    "read-only transaction": "ask as a role that may write, of a server that is no standby",
    "permission denied": "ask as the role that owns the tables",
    "connection": "start PostgreSQL, or correct FEEDBACK_DATABASE_URL",
}


@dataclass(frozen=True)
class Store:
    """An open database."""

    engine: Engine

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection for queries; all of them see one state of the database.

        Raises:
            StoreError: the database is locked or gone.
        """
        with _in_one_sentence(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, foreign_keys: bool = True) -> Generator[Connection]:
        """One transaction, committed when the block ends and rolled back when it raises.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that a claim which reads first is not overtaken.

        Args:
            foreign_keys: False lets a migration replace tables that others refer to, which SQLite forbids otherwise.

        Raises:
            StoreError: the database is locked, read-only, full or gone.
        """
        with _in_one_sentence(self.engine), _writing(self.engine, foreign_keys) as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _writing(engine: Engine, foreign_keys: bool) -> AbstractContextManager[Connection]:
    return engine.execution_options(immediate=True, foreign_keys=foreign_keys).begin()


@contextmanager
def _in_one_sentence(engine: Engine) -> Generator[None]:
    try:
        yield
    except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:  # the driver's own, where we go straight to it
        where = engine.url.render_as_string(hide_password=True)
        found = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
        advice = next((f"; {words}" for sign, words in _ADVICE.items() if sign in found.lower()), "")
        raise StoreError(f"the database {where} could not be used: {found}{advice}") from error


def connect(url: str) -> Store:
    """Open the database at `url` as it is, without touching its schema.

    Raises:
        StoreError: the URL is not one, or its folder cannot be made.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and not parsed.query:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(parsed)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = create_engine(parsed, connect_args={"connect_timeout": CONNECT_SECONDS}, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"FEEDBACK_DATABASE_URL is not a database URL: {url!r}; try sqlite:///PATH or postgresql+psycopg://…"
        ) from error
    except OSError as error:
        raise StoreError(
            f"the folder of the database {url} cannot be made: {error.strerror}; point FEEDBACK_HOME elsewhere"
        ) from error
    return Store(engine)


def open_store(url: str) -> Store:
    """Open the database at `url` and bring its tables and views to this code's version.

    Any number of processes may do so at once: one migrates, the others wait for it.

    Raises:
        StoreError: the database cannot be opened or written, is newer than this code or older than the first release.
    """
    from feedback_model.store.schema import bring_up_to_date

    store = connect(url)
    try:
        bring_up_to_date(store)
    except BaseException:
        store.close()
        raise
    return store


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` does, and says IMMEDIATE where it matters.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    _use_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous = FULL")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # SQLite does not wait its busy time for this one pragma, so two first openings at once need patience of ours.
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # switching to WAL heeds no busy timeout


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {'ON' if options.get('foreign_keys', True) else 'OFF'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate", False) else "BEGIN")
