"""Databases of every revision so far, kept as dumps, open under this code and say what they said before.

`make database-dumps` adds those of a new revision; dumps of older ones are never made again.
"""

import os
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import inspect, text

from feedback_model.store.connection import Store, connect, open_store
from feedback_model.store.schema import MIGRATIONS, VIEWS, head_revision
from tests.database_dumps import DUMPS, restore_dump, write_dump
from tests.filled_store import fill

REVISIONS = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def rows_of_views(store: Store) -> dict[str, list[dict[str, Any]]]:
    with store.read() as connection:
        views = set(inspect(connection).get_view_names()) - {"schema_version"}
        asked = {name: connection.execute(text(f"SELECT * FROM {name}")).mappings() for name in views}
        return {name: [dict(row) for row in rows] for name, rows in asked.items()}


def in_order(rows: list[dict[str, Any]], columns: Iterable[str]) -> list[str]:
    return sorted(repr([row[column] for column in columns]) for row in rows)


@pytest.mark.parametrize("revision", REVISIONS)
def test_dumped_database_opens_with_the_same_rows(any_empty_url: str, revision: str) -> None:
    kind = "sqlite" if any_empty_url.startswith("sqlite") else "postgresql"
    restore_dump(DUMPS / f"{kind}-{revision}.sql.gz", any_empty_url)
    dumped = connect(any_empty_url)
    before = rows_of_views(dumped)
    dumped.close()
    opened = open_store(any_empty_url)
    after = rows_of_views(opened)
    opened.close()
    assert before.keys() <= after.keys() == set(VIEWS)
    for name, rows in before.items():
        columns = list(rows[0]) if rows else []
        assert in_order(after[name], columns) == in_order(rows, columns), name


def test_newest_revision_has_a_dump(any_store: Store, any_store_url: str) -> None:
    dump = DUMPS / f"{any_store.dialect}-{head_revision()}.sql.gz"
    if os.environ.get("WRITE_DATABASE_DUMPS"):
        fill(any_store)
        write_dump(any_store_url, dump)
    assert dump.exists(), "run `make database-dumps`"
