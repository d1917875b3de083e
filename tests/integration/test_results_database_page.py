"""The results-database page says what is so: its queries run, alike on both databases, and its columns are the views'."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from feedback_model.store.connection import Store
from feedback_model.store.readonly_sql import run_query
from feedback_model.store.schema import VIEWS
from feedback_model.store.tables import metadata
from tests.databases import Cluster, sqlite_files
from tests.filled_store import fill

PAGE = (Path(__file__).parents[2] / "docs" / "results-database.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def answer(url: str, sql: str) -> list[list[Any]]:
    rows = run_query(url, sql).rows
    # The two sum in different orders, and SQLite has no booleans.
    return [[round(float(value), 9) if isinstance(value, int | float) else value for value in row] for row in rows]


@pytest.fixture(scope="module")
def urls(postgres_cluster: Cluster) -> list[str]:
    kinds = (sqlite_files(), postgres_cluster)
    both = [kind.new_url() for kind in kinds]
    for kind, url in zip(kinds, both, strict=True):
        kind.fill(url, fill)
    return both


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_answers_alike_on_both_databases(urls: list[str], sql: str) -> None:
    on_sqlite, on_postgresql = (answer(url, sql) for url in urls)
    assert on_sqlite
    assert on_sqlite == on_postgresql


def test_every_column_of_every_view_is_described(store: Store) -> None:
    with store.read() as connection:
        for view in VIEWS:
            chapter = re.search(rf"### [^\n]*`{view}`.*?(?=\n### |\n## )", PAGE, re.DOTALL)
            assert chapter, view
            columns = {column["name"] for column in inspect(connection).get_columns(view)}
            assert columns <= set(re.findall(r"`(\w+)`", chapter.group())), view


def test_the_diagram_has_every_table() -> None:
    diagram = PAGE.split("```mermaid")[1].split("```")[0]
    assert set(metadata.tables) - set(re.findall(r"\w+", diagram)) == {"lease"}
