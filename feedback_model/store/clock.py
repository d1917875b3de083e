"""The times this store writes: of this host where they tell people when, of the database where processes compare them."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Text, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def now() -> str:
    """Return the present in UTC, ISO 8601 with microseconds: `2026-11-24T03:24:02.123456+00:00`."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class DatabaseNow(FunctionElement[str]):
    """SQL for the present by the database's own clock, written as `now` writes it; hosts' clocks may differ by minutes."""

    type = Text()
    inherit_cache = True


@compiles(DatabaseNow, "sqlite")
def _on_sqlite(_element: DatabaseNow, _compiler: Any, **_options: Any) -> str:
    return "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"


@compiles(DatabaseNow, "postgresql")
def _on_postgresql(_element: DatabaseNow, _compiler: Any, **_options: Any) -> str:
    # clock_timestamp, since now() is when the transaction began, which may have waited for a lock.
    return """to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""


def read_clock(connection: Connection) -> datetime:
    """Read the database's clock, in UTC."""
    return datetime.fromisoformat(connection.execute(select(DatabaseNow())).scalar_one())
