"""Bulk writes that may be repeated: rows that stand already are left alone, or brought up to date.

The same call serves both databases: one statement runs over the rows, straight in the driver, and PostgreSQL gets many
rows by COPY. All rows of one call have the keys of the first; omitted columns get
their SQL default.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table

Row = Mapping[str, Any]
Values = tuple[Any, ...]
COPY_FROM = 50  # rows; fewer reach PostgreSQL as fast by themselves


def insert_missing(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert those `rows` that break no key of `table`; the others are left out without a word.

    Returns:
        How many were inserted.
    """
    names, values = _in_columns(rows)
    if connection.dialect.name == "postgresql" and len(values) >= COPY_FROM:
        return _copy_missing(connection, table, names, values)
    return _run_for_each(connection, table, names, values, "DO NOTHING")


def upsert(connection: Connection, table: Table, rows: Iterable[Row], keys: Sequence[str]) -> int:
    """Insert `rows`; one whose `keys` stand already has its other columns overwritten.

    Returns:
        How many were inserted or overwritten.
    """
    names, values = _in_columns(rows)
    others = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    action = f"DO UPDATE SET {others}" if others else "DO NOTHING"
    return _run_for_each(connection, table, names, values, f"({_listed(keys)}) {action}")


def _in_columns(rows: Iterable[Row]) -> tuple[list[str], list[Values]]:
    """Return the names of the columns, and each row's values in their order."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return [], []
    names = list(first)
    values = _values(names)
    return names, [values(first), *map(values, rows)]


def _values(names: Sequence[str]) -> Callable[[Row], Values]:
    if len(names) == 1:  # of which itemgetter would make no tuple
        return lambda row: (row[names[0]],)
    return itemgetter(*names)


def _run_for_each(
    connection: Connection, table: Table, names: Sequence[str], values: list[Values], on_conflict: str
) -> int:
    if not values:
        return 0
    places = ", ".join(["?" if connection.dialect.paramstyle == "qmark" else "%s"] * len(names))
    sql = f'INSERT INTO "{table.name}" ({_listed(names)}) VALUES ({places}) ON CONFLICT {on_conflict}'  # noqa: S608 - our names
    return connection.exec_driver_sql(sql, values).rowcount


def _copy_missing(connection: Connection, table: Table, names: Sequence[str], values: Iterable[Values]) -> int:
    """Copy into `table` itself, where as a rule nothing stands yet; else into a table beside it, and over from there."""
    before = connection.begin_nested()
    try:
        inserted = _copy(connection, table.name, names, values)
    except connection.dialect.loaded_dbapi.IntegrityError:
        before.rollback()
        return _copy_over(connection, table, names, values)
    before.commit()
    return inserted


def _copy_over(connection: Connection, table: Table, names: Sequence[str], values: Iterable[Values]) -> int:
    columns = _listed(names)
    connection.exec_driver_sql(f'CREATE TEMPORARY TABLE incoming (LIKE "{table.name}" INCLUDING DEFAULTS)')
    _copy(connection, "incoming", names, values)
    inserted = connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({columns}) SELECT {columns} FROM incoming ON CONFLICT DO NOTHING'  # noqa: S608 - our names
    ).rowcount
    connection.exec_driver_sql("DROP TABLE incoming")
    return inserted


def _copy(connection: Connection, table_name: str, names: Sequence[str], values: Iterable[Values]) -> int:
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f'COPY "{table_name}" ({_listed(names)}) FROM STDIN') as copy:
        for row in values:
            copy.write_row(row)
    return cursor.rowcount


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
