"""Opening the database: SQLite by default, PostgreSQL through the same code, brought to the newest schema on the way."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from feedback_model.errors import StoreError

BUSY_SECONDS = 30.0  # how long a SQLite writer waits for another before it gives up


@dataclass(frozen=True)
class Store:
    """An open database."""

    engine: Engine

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries.

        Raises:
            StoreError: the database is locked, read-only, full or gone.
        """
        with _in_one_sentence(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed when the block ends and rolled back when it raises.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that a claim which reads first cannot be overtaken.

        Raises:
            StoreError: the database is locked, read-only, full or gone.
        """
        with _in_one_sentence(self.engine), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            with connection.begin() if not connection.in_transaction() else connection.get_transaction():  # type: ignore[union-attr]
                yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _in_one_sentence(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(f"the database {where} could not be used: {str(error.orig).strip()}") from error


def connect(url: str) -> Store:
    """Open the database at `url` as it is, without touching its schema.

    Raises:
        StoreError: the URL is not one, or its folder cannot be made.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed)
    except ArgumentError as error:
        raise StoreError(f"FEEDBACK_DATABASE_URL is not a database URL: {url!r}; try postgresql+psycopg://…") from error
    except OSError as error:
        raise StoreError(f"the folder of the database {url} cannot be made: {error.strerror}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return Store(engine)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions by itself: `write` does, and says IMMEDIATE.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
