"""A database behind PgBouncer in transaction mode: no statement, parameter or lock is left in a session that is not ours."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text

from feedback_model.errors import InputError, StoreError
from feedback_model.store.bulk import COPY_FROM, insert_missing
from feedback_model.store.connection import connect, open_store
from feedback_model.store.readonly_sql import run_query
from feedback_model.store.tables import lease
from tests.integration.test_waiting import told_while
from tests.pgbouncer import SESSIONS, pooling


@pytest.fixture
def pooled_url(empty_postgres_url: str) -> Iterator[str]:
    """A database without tables behind a pooler."""
    with pooling(empty_postgres_url) as url:
        yield url


def test_sessions_keep_no_prepared_statement(pooled_url: str) -> None:
    """The driver prepares what it runs often; another client of the session would find it there, or not."""
    with closing(open_store(pooled_url)) as one, closing(open_store(pooled_url)) as other:
        for turn in range(12):
            with (one if turn % 2 else other).write() as connection:
                insert_missing(connection, lease, [{"name": f"n{turn}", "owner": "me", "expires_at": 1.5}])
        assert run_query(pooled_url, "SELECT COUNT(*) FROM lease").rows == ((12,),)
    sessions = [psycopg.connect(pooled_url) for _ in range(SESSIONS)]
    assert [each.execute("SELECT name FROM pg_prepared_statements").fetchall() for each in sessions] == [[]] * SESSIONS
    for each in sessions:
        each.close()


def test_own_schema_is_used_behind_a_pooler(pooled_url: str) -> None:
    with psycopg.connect(pooled_url) as administrator:
        administrator.execute("CREATE SCHEMA mine")
    url = f"{pooled_url}?options=-csearch_path%3Dmine"
    with closing(open_store(url)) as store, store.write() as connection:
        rows = [{"name": f"n{number}", "owner": "me", "expires_at": 1.5} for number in range(COPY_FROM)]
        assert insert_missing(connection, lease, rows) == COPY_FROM
    assert run_query(url, "SELECT COUNT(*) FROM mine.lease").rows == ((COPY_FROM,),)
    assert run_query(url, "SELECT current_schema()").rows == (("mine",),)


def test_lock_waits_are_told_behind_a_pooler(pooled_url: str) -> None:
    with closing(open_store(pooled_url)) as store, closing(psycopg.connect(pooled_url)) as other:
        other.execute("LOCK TABLE lease IN ACCESS EXCLUSIVE MODE")

        def read() -> None:
            with store.read() as connection:
                connection.execute(text("SELECT COUNT(*) FROM lease"))

        wait = told_while(read, other.rollback, "another session of PostgreSQL")
    assert "(session " in wait.what


def test_read_only_option_holds_behind_a_pooler(pooled_url: str) -> None:
    open_store(pooled_url).close()
    reader = connect(f"{pooled_url}?options=-cdefault_transaction_read_only%3Don")
    with closing(reader), pytest.raises(StoreError, match="read-only"), reader.write() as connection:
        connection.execute(text("DELETE FROM lease"))
    with pytest.raises(InputError, match="does not run"):
        run_query(pooled_url, "SELECT 1; SELECT 2")
