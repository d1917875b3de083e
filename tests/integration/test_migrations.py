"""Migrations end at the tables as they are defined, with data, on both databases; databases of other ages are refused."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, Table, event, inspect, select, text

from feedback_model.errors import StoreError
from feedback_model.store import schema
from feedback_model.store.connection import Store, connect, open_store
from feedback_model.store.schema import VIEWS, head_revision, migrate
from feedback_model.store.tables import metadata
from tests.filled_store import fill


def contents(store: Store) -> dict[str, list[Any]]:
    with store.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table))] for name, table in metadata.tables.items()
        }


def statements_to_open(url: str) -> int:
    """How many statements it takes to open a database."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    open_store(url).close()
    event.remove(Engine, "before_cursor_execute", note)
    return len(seen)


def test_migrated_tables_are_the_defined_ones(any_store: Store) -> None:
    with any_store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []


def checks_of(table: Table) -> set[str]:
    constraints = [*table.constraints, *(each for column in table.columns for each in column.constraints)]
    names = [str(each.name) for each in constraints if isinstance(each, CheckConstraint)]
    return {name if name.startswith("ck_") else f"ck_{table.name}_{name}" for name in names}


def test_migrated_tables_have_every_check_that_is_defined(any_store: Store) -> None:
    with any_store.read() as connection:
        inspector = inspect(connection)
        found = {name: {each["name"] for each in inspector.get_check_constraints(name)} for name in metadata.tables}
    assert found == {name: checks_of(table) for name, table in metadata.tables.items()}


def test_migrated_tables_have_the_defined_keys(any_store: Store) -> None:
    """Migrated tables have the keys that are defined and are stored as defined."""
    with any_store.read() as connection:
        inspector = inspect(connection)
        found = {name: inspector.get_pk_constraint(name)["constrained_columns"] for name in metadata.tables}
        is_sqlite = any_store.dialect == "sqlite"
        stored = connection.execute(text("SELECT name, sql FROM sqlite_master")).tuples() if is_sqlite else ()
        without_rowid = {name for name, sql in stored if sql and "WITHOUT ROWID" in sql}
    assert found == {name: [column.name for column in table.primary_key] for name, table in metadata.tables.items()}
    narrow = {name for name, table in metadata.tables.items() if not table.dialect_options["sqlite"]["with_rowid"]}
    assert without_rowid == (narrow if is_sqlite else set())


def test_down_and_up_again_with_data(any_store: Store) -> None:
    fill(any_store)
    with any_store.write(foreign_keys=False) as connection:
        migrate(connection, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        migrate(connection, head_revision())
        assert set(VIEWS) <= set(inspect(connection).get_view_names())


def test_scores_stand_beside_strict_judgements_alone(any_store: Store) -> None:
    """A score stands beside a strict judgement and nowhere else."""
    fill(any_store)
    for change in ("tier = 'extractable'", "empathy = NULL", "empathy = 11"):
        with pytest.raises(StoreError, match="ck_judgement_"), any_store.write() as connection:
            connection.execute(text(f"UPDATE judgement SET {change} WHERE inference_id = 'i-epoch-2'"))


NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "PRESENT"


def upgrade() -> None:
    with op.batch_alter_table("transcript") as table:
        table.add_column(sa.Column("language", sa.Text(), nullable=False, server_default="en"))
        table.create_check_constraint("language", "language <> ''")
"""


def test_next_revision_keeps_rows_and_views(
    any_store: Store, any_store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later migration may replace a table that views read and other tables refer to."""
    fill(any_store)
    before = contents(any_store)
    shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "migrations" / "versions" / "9999_language.py").write_text(
        NEXT_REVISION.replace("PRESENT", head_revision())
    )
    monkeypatch.setattr(schema, "MIGRATIONS", tmp_path / "migrations")
    monkeypatch.setattr(schema, "head_revision", lambda: "9999")
    open_store(any_store_url).close()
    assert contents(any_store) == before
    with any_store.read() as connection:
        assert set(VIEWS) <= set(inspect(connection).get_view_names())
        assert set(connection.execute(text("SELECT language FROM transcript")).scalars()) == {"en"}


def test_opening_again_keeps_every_row(any_store: Store, any_store_url: str) -> None:
    fill(any_store)
    before = contents(any_store)
    with any_store.write() as connection:
        connection.execute(text("DROP VIEW schema_version"))  # as if the view files had changed
    again = open_store(any_store_url)
    assert contents(again) == before
    again.close()


def test_a_current_database_opens_fast_and_without_alembic(store: Store) -> None:
    url = store.engine.url.render_as_string()
    code = f"import sys; from feedback_model.store.connection import open_store; open_store({url!r}); "
    code += "sys.exit('alembic' in sys.modules or 'torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert statements_to_open(url) < 15


def test_two_processes_may_open_at_once(any_empty_url: str) -> None:
    """Two processes that open at once both end well."""
    code = f"from feedback_model.store.connection import open_store; open_store({any_empty_url!r}).close()"
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors


def test_a_newer_database_is_refused(any_store: Store, any_store_url: str) -> None:
    with any_store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"schema 9999, newer than .* update the code"):
        open_store(any_store_url)


def test_unreleased_database_is_refused_unchanged(any_store: Store, any_store_url: str) -> None:
    fill(any_store)
    with any_store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0007'"))
    before = contents(any_store)
    with pytest.raises(StoreError, match=r"schema 0007: .* before the first release .* point FEEDBACK_HOME or"):
        open_store(any_store_url)
    assert contents(any_store) == before
    with any_store.read() as connection:
        assert connection.scalar(text("SELECT revision FROM schema_version")) == "0007"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "feedback.db").write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(StoreError, match="not a database; move that file away"):
        open_store(f"sqlite:///{tmp_path / 'feedback.db'}")


def test_a_read_only_database_is_told(store: Store) -> None:
    path = store.engine.url.database
    frozen = connect(f"sqlite:///file:{path}?mode=ro&uri=true")
    with (
        pytest.raises(StoreError, match=r"readonly.*make the file and its folder writable"),
        frozen.write() as connection,
    ):
        connection.execute(text("DELETE FROM lease"))
    frozen.close()


def test_a_full_disk_is_told(store: Store) -> None:
    with pytest.raises(StoreError, match="full; make room"), store.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(1000000) AS content")
    store.close()


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match=r"cannot be made: .*; point FEEDBACK_HOME elsewhere"):
        open_store(f"sqlite:///{tmp_path / 'home' / 'feedback.db'}")


def test_a_postgresql_that_is_not_there_is_told() -> None:
    with pytest.raises(StoreError, match="start PostgreSQL, or correct FEEDBACK_DATABASE_URL"):
        open_store("postgresql+psycopg://nobody:secret@127.0.0.1:9/none")


@pytest.mark.parametrize("url", ["feedback.db", "oracle://x", "nonsense+driver://x"])
def test_a_url_that_is_none_is_told(url: str) -> None:
    with pytest.raises(StoreError, match="FEEDBACK_DATABASE_URL is not a database URL"):
        open_store(url)
