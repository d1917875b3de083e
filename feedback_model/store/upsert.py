"""Bulk writes that may be repeated: what stands already is left alone, or brought up to date.

The same call serves both databases: prepared statements run over many rows, and COPY where PostgreSQL gets many.
Knows nothing of what the rows mean. All rows of one call have the keys of the first; omitted columns get their
SQL default.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]
COPY_FROM = 2_000  # rows; below this PostgreSQL's temporary table costs more than COPY saves


def insert_missing(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert those `rows` that break no key of `table`; the others are left out without a word.

    Returns:
        How many were inserted.
    """
    rows = list(rows)
    if not rows:
        return 0
    if connection.dialect.name == "postgresql" and len(rows) >= COPY_FROM:
        return _copy_missing(connection, table, rows)
    return _run_for_each(connection, _insert(connection, table).on_conflict_do_nothing(), rows)


def upsert(connection: Connection, table: Table, rows: Iterable[Row], keys: Sequence[str]) -> int:
    """Insert `rows`; one whose `keys` stand already has its other columns overwritten.

    Returns:
        How many were inserted or overwritten.
    """
    rows = list(rows)
    if not rows:
        return 0
    statement = _insert(connection, table)
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    statement = (
        statement.on_conflict_do_update(index_elements=keys, set_=others)
        if others
        else statement.on_conflict_do_nothing(index_elements=keys)
    )
    return _run_for_each(connection, statement, rows)


def _insert(connection: Connection, table: Table) -> Any:
    # The two dialects' inserts have the same methods but no common type.
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _run_for_each(connection: Connection, statement: Any, rows: Sequence[Row]) -> int:
    # Straight to the driver: SQLAlchemy's own executemany spends five times as long on each row.
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names: Sequence[str] | None = compiled.positiontup
    values = [tuple(row[name] for name in names) for row in rows] if names else [dict(row) for row in rows]
    return connection.exec_driver_sql(str(compiled), values).rowcount  # type: ignore[arg-type]  # a list of either kind


def _copy_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    connection.exec_driver_sql(f'CREATE TEMPORARY TABLE incoming (LIKE "{table.name}" INCLUDING DEFAULTS)')
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY incoming ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])
    inserted = connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({columns}) SELECT {columns} FROM incoming ON CONFLICT DO NOTHING'  # noqa: S608 - names of our tables
    ).rowcount
    connection.exec_driver_sql("DROP TABLE incoming")
    return inserted
