"""The `reporter` role of PostgreSQL: every view, in schema `report`, and nothing else."""

import json
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from feedback_model.errors import InputError
from feedback_model.store.connection import Store, connect, open_store
from feedback_model.store.grants import grant_reporter, set_password
from feedback_model.store.schema import VIEWS, create_views, drop_views
from tests.databases import Cluster
from tests.documented_blocks import ROOT
from tests.filled_store import fill

ROLE = "reporter-of-tests"


@pytest.fixture
def filled(postgres_cluster: Cluster, free_postgres_url: str) -> Iterator[Store]:
    postgres_cluster.fill(free_postgres_url, fill)
    store = open_store(free_postgres_url)
    yield store
    with store.write() as connection:  # roles belong to the cluster, which other tests use
        made = connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": ROLE})
        if made:
            connection.exec_driver_sql(f'DROP OWNED BY "{ROLE}"')
            connection.exec_driver_sql(f'DROP ROLE "{ROLE}"')
    store.close()


def as_reporter(store: Store) -> psycopg.Connection:
    url = store.engine.url.set(drivername="postgresql", username=ROLE)
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def test_it_reads_every_view_by_its_bare_name(filled: Store) -> None:
    assert grant_reporter(filled, ROLE).created
    with filled.read() as connection, as_reporter(filled) as reporter:
        for view in VIEWS:
            sql = f"SELECT count(*) FROM {view}"
            assert reporter.execute(sql.encode()).fetchone() == tuple(connection.execute(text(sql)).one())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM public.label",
        "INSERT INTO public.label DEFAULT VALUES",
        "DELETE FROM public.promotion",
        "DROP VIEW report.champion",
        "CREATE TABLE report.mine (a int)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "ALTER ROLE postgres SET search_path = report",
    ],
)
def test_reader_can_do_nothing_else(filled: Store, sql: str) -> None:
    """It does nothing else even with its defaults undone."""
    grant_reporter(filled, ROLE)
    with as_reporter(filled) as reporter:
        reporter.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reporter.execute(sql.encode())


def test_granting_twice_and_migrating_change_nothing(filled: Store) -> None:
    """Granting twice and a migration leave it as it was."""
    grant_reporter(filled, ROLE)
    assert not grant_reporter(filled, ROLE).created
    with filled.write() as connection:
        drop_views(connection)
        create_views(connection)
    with as_reporter(filled) as reporter:
        assert reporter.execute("SELECT count(*) FROM evaluation_summary").fetchone() == (2,)


def test_a_query_that_runs_on_is_stopped(filled: Store) -> None:
    grant_reporter(filled, ROLE)
    with as_reporter(filled) as reporter:
        assert reporter.execute("SHOW statement_timeout").fetchone() == ("30s",)
        reporter.execute("SET statement_timeout = '50ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            reporter.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")


def test_role_with_wider_rights_is_refused(filled: Store) -> None:
    """A role that may do more is refused and given nothing."""
    with pytest.raises(InputError, match="may read or write tables too"):
        grant_reporter(filled, "postgres")
    with filled.read() as connection:
        assert connection.scalar(text("SELECT to_regnamespace('report')")) is None


def test_impossible_names_are_one_sentence(filled: Store, store: Store) -> None:
    """Names and databases that cannot be are one sentence."""
    with pytest.raises(InputError, match="no role's name"):
        grant_reporter(filled, 'x"; DROP TABLE label; --')
    with pytest.raises(InputError, match="roles are PostgreSQL's"):
        grant_reporter(store, ROLE)


def test_missing_right_to_make_roles_is_told(filled: Store) -> None:
    """Who may not make roles is told what to ask for."""
    with filled.write() as connection:
        connection.exec_driver_sql("CREATE ROLE plain LOGIN")
    plain = connect(filled.engine.url.set(username="plain").render_as_string(hide_password=False))
    try:
        with pytest.raises(InputError, match='have an administrator run CREATE ROLE "reporter-of-tests" LOGIN'):
            grant_reporter(plain, ROLE)
    finally:
        plain.close()
        with filled.write() as connection:
            connection.exec_driver_sql("DROP ROLE plain")


def test_password_is_taken_as_it_is(filled: Store) -> None:
    grant_reporter(filled, ROLE)
    set_password(filled, ROLE, "it's 100% :secret")
    with filled.read() as connection:
        kept = connection.scalar(text("SELECT rolpassword FROM pg_authid WHERE rolname = :role"), {"role": ROLE})
    assert str(kept).startswith("SCRAM-SHA-256$")


def test_dashboard_asks_what_a_reporter_may(filled: Store) -> None:
    grant_reporter(filled, ROLE)
    dashboard = json.loads((ROOT / "docker" / "grafana" / "dashboards" / "results.json").read_text("utf-8"))
    with as_reporter(filled) as reporter:
        for panel in dashboard["panels"]:
            assert reporter.execute(panel["targets"][0]["rawSql"].encode()).description
