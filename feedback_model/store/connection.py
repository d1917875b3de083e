"""Opening the database: SQLite by default, PostgreSQL through the same code, brought to the newest schema on the way."""

import os
import socket
import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from feedback_model.errors import StoreError, StoreUnavailable
from feedback_model.store.database_url import read_database_url, readonly_uri, sqlite_path
from feedback_model.store.lock_waits import sqlite_writer, telling_lock_waits
from feedback_model.store.postgresql import open_session
from feedback_model.store.schema import bring_up_to_date
from feedback_model.waiting import Waiting, waiting_for

BUSY_SECONDS = 30.0  # how long a SQLite writer waits for another before it gives up
BUSY_SLICE = 0.25  # seconds of it that pass inside SQLite, where nobody hears of them and no signal is heard
CONNECT_SECONDS = 10  # how long PostgreSQL may take to answer

_BUSY_WAY_OUT = f"it gives up after {BUSY_SECONDS:.0f} s; end that process, or press Ctrl-C twice"
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
    "password authentication failed": "correct user and password in FEEDBACK_DATABASE_URL",
    "connection": "start PostgreSQL, or correct FEEDBACK_DATABASE_URL",
}


# Words of what passes by itself. PostgreSQL tells no code before a session stands.
_PASSING = (
    "locked",
    "is the server running",
    "the database system is",  # starting up, shutting down, in recovery mode, not yet accepting connections
    "terminating connection",
    "closed the connection unexpectedly",
    "closed unexpectedly",
    "connection is lost",
    "connection reset",
    "timeout expired",
    "connection timeout",
    "too many clients",
)


class Fence(Protocol):
    """What a process must still hold for its writes to be kept."""

    def check(self, connection: Connection) -> None:
        """Look within the transaction that writes, so that nobody can take it before that ends.

        Raises:
            FeedbackError: another process has it now.
        """
        ...


@dataclass(frozen=True)
class Store:
    """An open database."""

    engine: Engine
    fences: tuple[Fence, ...] = ()
    """Looked at in each transaction that writes."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Open a connection for queries; all of them see one state of the database.

        Raises:
            StoreError: the database cannot be used.
            StoreUnavailable: it is locked or away.
        """
        with _in_one_sentence(self.engine), self.engine.connect() as connection, _telling_waits(connection):
            yield connection

    @contextmanager
    def write(self, *, foreign_keys: bool = True) -> Generator[Connection]:
        """Open one transaction, committed when the block ends and rolled back when it raises.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that a claim which reads first is not overtaken.

        Args:
            foreign_keys: False lets a migration replace tables that others refer to, which SQLite forbids otherwise.

        Raises:
            StoreError: the database is read-only, full or damaged; nothing of the transaction is kept.
            StoreUnavailable: it is locked or away; likewise.
            FeedbackError: another process holds now what a fence stands for; likewise.
        """
        with (
            _in_one_sentence(self.engine),
            _writing(self.engine, foreign_keys) as connection,
            _telling_waits(connection),
        ):
            for fence in self.fences:
                fence.check(connection)
            yield connection

    def fenced(self, fence: Fence) -> "Store":
        """Return the same database, which is written for as long as this process holds what `fence` stands for, too."""
        return replace(self, fences=(*self.fences, fence))

    def unfenced(self) -> "Store":
        """Return the same database, which is written whoever holds what: for what must not be lost, and for giving back."""
        return replace(self, fences=())

    def compact(self) -> None:
        """Take what was deleted out of the file, too; PostgreSQL marks its room as free to be written over.

        Raises:
            StoreError: the database cannot be used.
            StoreUnavailable: it is locked or away.
        """
        with _in_one_sentence(self.engine), self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if self.dialect == "sqlite":
                driver.execute("VACUUM")
                if driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    raise StoreUnavailable(
                        "another process reads the database, so that what was deleted still stands in its file; end that process "
                        "and run the same command again"
                    )
                return
            driver.rollback()
            driver.autocommit = True
            try:
                driver.execute(
                    "VACUUM transcript, label_score, label_response, output, occurrence, occurrence_speaker, reject"
                )
            finally:
                driver.autocommit = False

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _writing(engine: Engine, foreign_keys: bool) -> AbstractContextManager[Connection]:
    return engine.execution_options(immediate=True, foreign_keys=foreign_keys).begin()


def _telling_waits(connection: Connection) -> AbstractContextManager[None]:
    # A SQLite connection waits nowhere but where its transaction begins.
    return telling_lock_waits(connection) if connection.dialect.name == "postgresql" else nullcontext()


@contextmanager
def _in_one_sentence(engine: Engine) -> Generator[None]:
    try:
        yield
    except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:  # the driver's own, where we go straight to it
        where = engine.url.render_as_string(hide_password=True)
        found = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
        advice = next((f"; {words}" for sign, words in _ADVICE.items() if sign in found.lower()), "")
        kind = StoreUnavailable if any(sign in found.lower() for sign in _PASSING) else StoreError
        raise kind(f"the database {where} could not be used: {found}{advice}") from error


def connect(url: str) -> Store:
    """Open the database at `url` as it is, without touching its schema.

    Raises:
        StoreError: the URL is not one, or its folder cannot be made.
    """
    parsed = read_database_url(url)
    return Store(_sqlite_engine(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql_engine(parsed))


def _sqlite_engine(url: URL) -> Engine:
    if (path := sqlite_path(url)) is not None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder of the database {url} cannot be made: {error.strerror}; point FEEDBACK_HOME elsewhere"
            ) from error
    engine = create_engine(url)
    if path is not None:
        event.listen(engine, "do_connect", partial(_connect_sqlite, path))
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args=_postgresql_arguments(), pool_pre_ping=True)
    event.listen(engine, "do_connect", _connect_telling)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def open_store(url: str) -> Store:
    """Open the database at `url` and bring its tables and views to this code's version.

    Any number of processes may do so at once: one migrates, the others wait for it.

    Raises:
        StoreError: the database cannot be opened or written, is newer than this code or older than the first release.
    """
    store = connect(url)
    try:
        bring_up_to_date(store.read, partial(store.write, foreign_keys=False))
    except BaseException:
        store.close()
        raise
    return store


def _postgresql_arguments() -> dict[str, Any]:
    # The name is what others are told who wait for us.
    name = f"feedback on {socket.gethostname()}, process {os.getpid()}"
    return {"connect_timeout": CONNECT_SECONDS, "fallback_application_name": name[:63]}


def _connect_telling(_dialect: Dialect, record: Any, _places: Sequence[Any], options: dict[str, Any]) -> Any:
    way_out = f"it gives up after {CONNECT_SECONDS} s; start PostgreSQL, or correct FEEDBACK_DATABASE_URL"
    with waiting_for("PostgreSQL to answer", way_out):
        session = record.info["session"] = open_session(**options)
    return session.connection


def _begin_postgresql(connection: Connection) -> None:
    session = connection.connection.info["session"]
    if session.parameters:
        connection.exec_driver_sql(session.statement(), session.parameter_values())


def _connect_sqlite(path: Path, _dialect: Dialect, _record: object, places: list[Any], options: dict[str, Any]) -> None:
    with suppress(OSError):  # it is there, or SQLite says what is wrong; its log and shared memory get its permissions
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    if path.exists() and not os.access(path.parent, os.W_OK):  # nothing can be written, but all of it read
        places[0], options["uri"] = readonly_uri(path), True


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` does, and says IMMEDIATE where it matters.
    connection.isolation_level = None
    _set_busy_timeout(connection, BUSY_SECONDS)
    _use_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous = FULL")


def _set_busy_timeout(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # SQLite does not wait its busy time for this one pragma, so two first openings at once need patience of ours.
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return  # it stays as it was where there can be no such log: a file that is only read, or some network's file system
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # switching to WAL heeds no busy timeout


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {'ON' if options.get('foreign_keys', True) else 'OFF'}")
    if options.get("immediate", False):
        _begin_immediately(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_immediately(connection: Connection) -> None:
    """Take the write lock, waiting for whoever has it; a request to stop is no reason to drop what is to be written."""
    driver: Any = connection.connection.driver_connection
    database = connection.engine.url.database
    waiting = Waiting("another process that writes to the database", _BUSY_WAY_OUT, partial(sqlite_writer, database))
    deadline = time.monotonic() + BUSY_SECONDS
    _set_busy_timeout(driver, min(BUSY_SLICE, BUSY_SECONDS))
    try:
        while not _got_write_lock(driver, last_try=time.monotonic() > deadline):
            waiting.look()
    finally:
        _set_busy_timeout(driver, BUSY_SECONDS)


def _got_write_lock(driver: sqlite3.Connection, *, last_try: bool) -> bool:
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last_try or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
