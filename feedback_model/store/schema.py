"""The schema's version: migrations in `migrations/versions`, views in `views/*.sql`, and bringing a database up to
both.

Views stand in the way of altering tables on SQLite, so they are dropped before migrating and made again after it. One
view, `schema_version`, says which revision the tables have and which view files were used; when it is current nothing
is done, and Alembic is not even imported.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from feedback_model.errors import StoreError
from feedback_model.records.recipe import RECIPE_FIELDS

MIGRATIONS = Path(__file__).parent / "migrations"
VIEWS = (
    "evaluation_summary",
    "trait_mse",
    "trait_metrics",
    "comparisons",
    "trait_comparisons",
    "rank_tiers",
    "noise_floor",
    "variant_tax",
    "quantisation_tax",
    "transcript_texts",
    "occurrences",
    "forgotten",
    "retraining_decisions",
    "prompts",
    "label_scores",
    "label_agreement",
    "dataset_scores",
    "training_loss",
    "prediction_scores",
    "score_distributions",
    "outputs",
    "failure_breakdown",
    "label_progress",
    "labelling_cost",
    "paid_responses",
    "labelling_attempts",
    "augmentation_outcomes",
    "champion_history",
    "champion",
    "decisions",
    "decision_evidence",
    "recipes",
    "lineage",
    "transcript_errors",
    "confusion",
    "calibration",
    "score_level_errors",
    "failure_pareto",
    "selection_bias",
    "slices",
    "worst_outputs",
    "epoch_curve",
    "inference_cost",
    "look_budget",
)  # in the order in which they can be made
REPORT_SCHEMA = "report"  # on PostgreSQL, once someone was let in: each view again, for roles that see nothing else
_FIRST_REVISION = "0100"  # lower numbers stood in versions that were never released; their migrations are gone
_MIGRATION_LOCK = 7_365_014  # PostgreSQL advisory lock; any number that nothing else uses
_MAY_FILL_REPORT_SCHEMA = text(
    f"SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = '{REPORT_SCHEMA}'"  # noqa: S608 - a name of ours
)


def _json_field(dialect: str, column: str, name: str, kind: Any) -> str:
    """Write one field of a JSON column in `dialect`'s words."""
    if dialect == "sqlite":
        return f"json_extract({column}, '$.{name}')"
    return f"CAST(CAST({column} AS jsonb) ->> '{name}' AS {_POSTGRESQL_TYPES.get(kind, 'TEXT')})"


_POSTGRESQL_TYPES = {int: "BIGINT", float: "DOUBLE PRECISION", bool: "BOOLEAN"}


def _recipe_fields(dialect: str) -> str:
    """Write one column for each field of the recipe, so that a field added there is a column here."""
    fields = {name: field.annotation for name, field in RECIPE_FIELDS.items()}
    return ",\n    ".join(
        f"{_json_field(dialect, 'training_run.recipe', name, kind)} AS {name}" for name, kind in fields.items()
    )


_RAW_AS_TEXT = {"sqlite": "CAST(output.raw AS TEXT)", "postgresql": "feedback_text(output.raw)"}
"""Bytes to text without ever failing: what is no UTF-8 is shown as the database can."""


def _dialect_words(dialect: str) -> dict[str, str]:
    return {
        "raw_as_text": _RAW_AS_TEXT[dialect],
        "recipe_fields": _recipe_fields(dialect),
        "precision_used": _json_field(dialect, "training_run.precision", "used", str),
        "precision_reason": _json_field(dialect, "training_run.precision", "reason", str),
    }


Transaction = Callable[[], AbstractContextManager[Connection]]


@cache
def head_revision() -> str:
    """Return the newest revision this code knows: the number its last migration's file name starts with."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


@cache
def view_statements(dialect: str) -> tuple[tuple[str, str], ...]:
    """Name and SQL of each view, in `dialect`'s words."""
    folder = files("feedback_model.store").joinpath("views")
    words, statements = _dialect_words(dialect), list[tuple[str, str]]()
    for name in VIEWS:
        sql = folder.joinpath(f"{name}.sql").read_text(encoding="utf-8").strip().rstrip(";")
        for placeholder, said in words.items():
            sql = sql.replace(f"{{{placeholder}}}", said)
        statements.append((name, sql))
    return tuple(statements)


@cache
def views_version(dialect: str) -> str:
    """Hash of everything that `create_views` runs."""
    return hashlib.sha256(repr((view_statements(dialect), _functions())).encode()).hexdigest()[:16]


def _functions() -> str:
    return files("feedback_model.store").joinpath("views", "postgresql_functions.sql").read_text(encoding="utf-8")


def bring_up_to_date(read: Transaction, write: Transaction) -> None:
    """Migrate tables and remake views where they are older than this code.

    Args:
        read: opens a connection for queries.
        write: opens a transaction in which tables may be replaced that others refer to.

    Raises:
        StoreError: the database is newer than this code or older than the first release, or cannot be written.
    """
    with read() as connection:
        if _is_current(connection):
            return
    with write() as connection:
        _wait_for_other_migrations(connection)
        if not _is_current(connection):
            migrate(connection, head_revision())


def migrate(connection: Connection, revision: str) -> None:
    """Move the tables to `revision` (`base` is none at all) within the open transaction; views exist only at the newest."""
    from alembic import command
    from alembic.config import Config

    drop_views(connection)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    here = _revision(connection) or ""
    move = command.downgrade if revision == "base" or revision < here else command.upgrade
    move(config, revision)
    if revision == head_revision():
        create_views(connection)


def drop_views(connection: Connection) -> None:
    """Drop every view of ours."""
    if connection.dialect.name == "postgresql":
        drop_views_of(connection, f"{REPORT_SCHEMA}.", VIEWS)
    drop_views_of(connection, "", (*VIEWS, "schema_version"))
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS feedback_text(bytea)")


def drop_views_of(connection: Connection, prefix: str, names: tuple[str, ...]) -> None:
    """Drop those views whose names follow `prefix`, the last made first; what is not there is passed over."""
    for name in reversed(names):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {prefix}{name}")


def create_views(connection: Connection) -> None:
    """Make every view, and `schema_version` last."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        _run(connection, _functions())
    for name, sql in view_statements(dialect):
        _run(connection, f"CREATE VIEW {name} AS\n{sql}")
    if dialect == "postgresql" and connection.scalar(_MAY_FILL_REPORT_SCHEMA):
        create_report_views(connection)
    _run(
        connection,
        f"CREATE VIEW schema_version AS SELECT version_num AS revision, '{views_version(dialect)}' AS views "  # noqa: S608 - a hash of ours
        "FROM alembic_version",
    )


def create_report_views(connection: Connection) -> None:
    """Make each view again in the schema `report`, which is there; they read with the rights of who makes them."""
    for name in VIEWS:
        connection.exec_driver_sql(f"CREATE VIEW {REPORT_SCHEMA}.{name} AS SELECT * FROM {name}")  # noqa: S608 - names of ours


def _run(connection: Connection, sql: str) -> None:
    connection.execute(text(sql.replace(":", r"\:")))


def _wait_for_other_migrations(connection: Connection) -> None:
    # On SQLite the write lock that this transaction holds is the same fence.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})


def _is_current(connection: Connection) -> bool:
    revision = _revision(connection)
    if revision is not None and not _FIRST_REVISION <= revision <= head_revision():
        raise StoreError(_why_not(connection, revision))
    if revision is None or "schema_version" not in inspect(connection).get_view_names():
        return False
    made = connection.execute(text("SELECT revision, views FROM schema_version")).one()
    return tuple(made) == (head_revision(), views_version(connection.dialect.name))


def _why_not(connection: Connection, revision: str) -> str:
    found = f"the database {connection.engine.url.render_as_string(hide_password=True)} has schema {revision}"
    if revision > head_revision():
        return f"{found}, newer than {head_revision()}, which this code knows; update the code"
    return (
        f"{found}: a version from before the first release made it, and this code cannot upgrade it; point FEEDBACK_HOME "
        "or FEEDBACK_DATABASE_URL at a new one (to keep its figures, run `feedback results export FOLDER` of the version "
        "that made it)"
    )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
