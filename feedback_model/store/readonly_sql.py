"""Read-only SQL against the results: it can neither change anything nor run for ever.

SQLite is opened read-only behind an authorizer that lets through reading alone, and a deadline; PostgreSQL runs the query in
a read-only transaction with a statement timeout.
"""

import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import URL

from feedback_model.errors import InputError, StoreError
from feedback_model.store.connection import Store
from feedback_model.store.database_url import read_database_url, readonly_uri
from feedback_model.store.postgresql import open_session

Row = dict[str, Any]


def select_rows(store: Store, sql: str, **values: str | None) -> list[Row]:
    """Return the rows of `sql`, with its `:name` placeholders bound to `values`.

    Raises:
        StoreError: the database could not answer.
    """
    with store.read() as connection:
        return [dict(row) for row in connection.execute(text(sql), values).mappings()]


_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

_FORBIDDEN_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}

_INSTRUCTIONS_BETWEEN_LOOKS = 10_000  # of SQLite's machine; a fraction of a millisecond

_EMPTY = "the query is empty; try SELECT * FROM evaluation_summary"

_LARGEST_VALUE = 10_000_000  # bytes in one text or blob; a bomb may ask for a gigabyte in one expression


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Columns and rows of a query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool
    """True where there were more rows than were asked for."""


def run_query(store_url: str, sql: str, max_rows: int = 10_000, seconds: float = 10.0) -> QueryResult:
    """Answer one SELECT.

    Args:
        seconds: until it is stopped.

    Raises:
        InputError: it is not one query, it would change something, it is wrong, or it took too long.
        StoreError: the database cannot be opened.
    """
    url = read_database_url(store_url)
    run = _run_on_sqlite if url.get_backend_name() == "sqlite" else _run_on_postgresql
    if not sql.strip().strip(";"):
        raise InputError(_EMPTY)
    return run(url, sql, max_rows, seconds)


def _run_on_sqlite(url: URL, sql: str, max_rows: int, seconds: float) -> QueryResult:
    with closing(_open_sqlite(Path(url.database or ""))) as connection:
        deadline = time.monotonic() + seconds
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS_BETWEEN_LOOKS)
        with _refusals(seconds):
            cursor = connection.execute(sql)
            if cursor.description is None:
                raise InputError(_EMPTY)
            return _result([column[0] for column in cursor.description], cursor.fetchmany(max_rows + 1), max_rows)


def _open_sqlite(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise StoreError(f"there is no database at {path} yet; run `feedback land` or `feedback demo` first")
    connection = sqlite3.connect(readonly_uri(path), uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")  # raw outputs may be any bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    return connection


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    del first
    allowed = action in _READING and (second or "").lower() not in _FORBIDDEN_FUNCTIONS
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


@contextmanager
def _refusals(seconds: float) -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        found = str(error)
        if "interrupted" in found:
            raise _too_slow(seconds) from error
        if "not authorized" in found or "prohibited" in found:
            raise InputError(f"only SELECT is allowed here ({found}); nothing was changed") from error
        if "one statement" in found:
            raise InputError("one query at a time; nothing was run") from error
        raise InputError(f"the query does not run: {found}") from error


def _too_slow(seconds: float) -> InputError:
    return InputError(f"the query took longer than {seconds:g} s and was stopped; narrow it with WHERE or LIMIT")


def _run_on_postgresql(url: URL, sql: str, max_rows: int, seconds: float) -> QueryResult:
    import psycopg

    _, options = url.get_dialect()().create_connect_args(url)
    try:
        session = open_session(**{"connect_timeout": 10, **options})
    except psycopg.OperationalError as error:
        where = url.render_as_string(hide_password=True)
        raise StoreError(f"the database {where} could not be used: {_first_line(error)}; start PostgreSQL") from error
    connection: Any = session.connection
    with closing(connection):
        connection.read_only = True
        if session.parameters:
            connection.execute(session.statement(), session.parameter_values())
        connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        try:
            return _declared(connection, sql, max_rows)
        except psycopg.errors.QueryCanceled as error:
            raise _too_slow(seconds) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise InputError(f"only SELECT is allowed here ({_first_line(error)}); nothing was changed") from error
        except psycopg.Error as error:
            raise InputError(f"the query does not run: {_first_line(error)}") from error


def _declared(connection: Any, sql: str, max_rows: int) -> QueryResult:
    # A cursor is declared for a query and for nothing else: no SET, COPY, DO or second statement can stand there, and the
    # extended protocol (binary) refuses several statements in one text.
    cursor = connection.cursor()
    cursor.execute(f"DECLARE door NO SCROLL CURSOR FOR {sql.strip().rstrip(';')}", binary=True)
    cursor.execute(f"FETCH {max_rows + 1} FROM door")
    return _result([column.name for column in cursor.description or ()], cursor.fetchall(), max_rows)


def _result(columns: list[str], rows: list[tuple[Any, ...]], max_rows: int) -> QueryResult:
    return QueryResult(tuple(columns), tuple(rows[:max_rows]), len(rows) > max_rows)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def browsable_file(store_url: str) -> Path:
    """Return the database at `store_url` as a file that Datasette reads.

    Raises:
        InputError: the database is not SQLite.
        StoreError: there is no database yet.
    """
    url = read_database_url(store_url)
    if url.get_backend_name() != "sqlite":
        raise InputError("Datasette reads SQLite; for PostgreSQL use psql, Metabase or Superset over the same views")
    path = Path(url.database or "")
    if not path.is_file():
        raise StoreError(f"there is no database at {path} yet; run `feedback land` or `feedback demo` first")
    return path
