"""Anyone's SQL can read, and can do nothing else."""

from pathlib import Path

import pytest

from feedback_model.errors import InputError, StoreError
from feedback_model.store.connection import Store
from feedback_model.store.readonly_sql import QueryResult, run_query

HOSTILE = [
    "DELETE FROM label",
    "UPDATE transcript SET split = 'test'",
    "INSERT INTO lease VALUES ('a', 'b', 1.0)",
    "DROP TABLE label",
    "CREATE TABLE mine (x)",
    "CREATE TEMP TABLE mine (x int)",
    "ATTACH DATABASE 'mine.db' AS mine",
    "PRAGMA writable_schema = 1",
    "SELECT load_extension('evil.so')",
    "VACUUM INTO 'mine.db'",
    "SELECT 1; DELETE FROM label",
    "COMMIT; DELETE FROM label",
    "WITH gone AS (DELETE FROM label RETURNING 1) SELECT * FROM gone",
    "COPY label TO PROGRAM 'cat'",
    "SET statement_timeout = 0",
    "SELECT set_config('transaction_read_only', 'off', false); DELETE FROM label",
    "SELECT zeroblob(2000000000)",
    "SELECT repeat('x', 2000000000)",
    "this is no SQL",
    ";",
    "",
    "-- nothing",
]
BOMB = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"


@pytest.fixture
def url(any_filled_store: Store) -> str:
    return any_filled_store.engine.url.render_as_string(hide_password=False)


def test_a_query_is_answered_with_its_columns(url: str) -> None:
    answer = run_query(url, "SELECT model, n_test FROM evaluation_summary ORDER BY model;")
    assert answer == QueryResult(("model", "n_test"), (("base", 2), ("epoch-2", 2)), truncated=False)


def test_more_rows_than_wanted_are_cut_and_said(url: str) -> None:
    answer = run_query(url, "SELECT * FROM prediction_scores", max_rows=5)
    assert (len(answer.rows), answer.truncated) == (5, True)


def test_hostile_sql_is_refused_and_changes_nothing(url: str) -> None:
    """Hostile sql is refused in one sentence and changes nothing."""
    before = run_query(url, "SELECT * FROM label_scores")
    for sql in HOSTILE:
        with pytest.raises(InputError) as refusal:
            run_query(url, sql, seconds=2)
        assert "\n" not in str(refusal.value), sql
    assert run_query(url, "SELECT * FROM label_scores") == before


def test_a_recursive_bomb_is_stopped(url: str) -> None:
    with pytest.raises(InputError, match=r"took longer than 0.3 s"):
        run_query(url, BOMB, seconds=0.3)


def test_no_database_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        run_query(f"sqlite:///{tmp_path / 'none.db'}", "SELECT 1")
    assert list(tmp_path.iterdir()) == []
