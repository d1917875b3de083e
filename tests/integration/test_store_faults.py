"""What goes wrong with a database is told in one sentence, leaves nothing partial, and passes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, text

from eval.evaluate import evaluate
from feedback_model.errors import StoreError
from feedback_model.store import connection as connecting
from feedback_model.store.bulk import COPY_FROM, insert_missing
from feedback_model.store.connection import Store, connect, open_store
from feedback_model.store.evaluations import is_current
from feedback_model.store.tables import lease
from tests.evaluated_run import RUN, fill_run
from tests.filled_store import fill

NOTHING_KEPT = "nothing of this write was kept"
HOLD = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); "
HOLD += "print('held', flush=True); sys.stdin.read()"


def leases(count: int) -> list[dict[str, object]]:
    return [{"name": f"n{number}", "owner": "me", "expires_at": 1.5} for number in range(count)]


def rows_of(store: Store, table: str) -> int:
    with store.read() as connection:
        return connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one()


@contextmanager
def another_process_writing(store: Store) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, str(store.engine.url.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate()


def cut_off(url: str) -> None:
    """End every other session of the database, as a server that goes down does."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
        other.execute(f"{others} AND pid <> pg_backend_pid()")


def test_long_waiting_writer_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waits too long is told and readers need not wait."""
    monkeypatch.setattr(connecting, "BUSY_SECONDS", 0.05)
    impatient = connect(store.engine.url.render_as_string())
    with another_process_writing(store):
        assert rows_of(impatient, "lease") == 0
        with pytest.raises(StoreError, match=r"locked; another process .* try again"), impatient.write() as connection:
            insert_missing(connection, lease, leases(1))
    with impatient.write() as connection:
        assert insert_missing(connection, lease, leases(1)) == 1
    impatient.close()


def test_a_damaged_file_is_told(store: Store) -> None:
    fill(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    with Path(str(store.engine.url.database)).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    with pytest.raises(StoreError, match="malformed; the file is damaged: put a copy of it in its place"):
        open_store(store.engine.url.render_as_string())


@pytest.mark.parametrize("rows", [1, COPY_FROM])
def test_write_to_a_vanished_postgresql_keeps_nothing(postgres_url: str, rows: int) -> None:
    """Postgresql going away in a write is told and keeps nothing."""
    store = open_store(postgres_url)
    with pytest.raises(StoreError, match=f"{NOTHING_KEPT}; run the same command again"), store.write() as connection:
        insert_missing(connection, lease, leases(2))
        cut_off(postgres_url)
        insert_missing(connection, lease, leases(rows))
    assert rows_of(store, "lease") == 0
    with store.write() as connection:
        assert insert_missing(connection, lease, leases(rows)) == rows
    store.close()


def test_evaluation_completes_after_postgresql_returns(postgres_url: str) -> None:
    """An evaluation that postgresql left completes when asked again."""
    store = open_store(postgres_url)
    run = fill_run(store, n_train=12, n_held_out=8)

    def leave(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM evaluation_model"):
            event.remove(store.engine, "before_cursor_execute", leave)
            cut_off(postgres_url)

    event.listen(store.engine, "before_cursor_execute", leave)
    with pytest.raises(StoreError, match=NOTHING_KEPT):
        evaluate(store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2")
    assert rows_of(store, "evaluation") == rows_of(store, "evaluation_summary") == 0
    assert is_current(store, evaluate(store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2"))
    store.close()


def test_a_role_that_may_not_write_is_told(postgres_url: str) -> None:
    open_store(postgres_url).close()
    reader = connect(f"{postgres_url}&options=-cdefault_transaction_read_only%3Don")
    told = "read-only transaction; ask as a role that may write"
    with pytest.raises(StoreError, match=told), reader.write() as connection:
        insert_missing(connection, lease, leases(1))
    reader.close()
