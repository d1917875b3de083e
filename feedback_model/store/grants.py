"""A PostgreSQL role for people and tools that only ask: it sees the views in schema `report`, and nothing else.

SQLite needs no such fence: its file is opened read-only.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from feedback_model.errors import InputError
from feedback_model.store.connection import Store
from feedback_model.store.schema import REPORT_SCHEMA, VIEWS, create_report_views, drop_views_of
from feedback_model.store.tables import metadata

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")  # PostgreSQL would cut a longer one off without a word
# For comfort and against accidents: whoever logs in may set these anew, but cannot give themselves a privilege.
_DEFAULTS = {
    "search_path": REPORT_SCHEMA,
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}


@dataclass(frozen=True, slots=True)
class Granted:
    """The rights a role was given."""

    created: bool
    """False where there was one of that name already."""
    defaults_set: bool
    """False where this database user may not alter the role."""
    may_create_in_public: bool
    """True where every role may make tables of its own in schema `public`, as before PostgreSQL 15."""


def grant_reporter(store: Store, role: str) -> Granted:
    """Let `role` read every view in schema `report`; makes both where they are missing.

    Views that a later migration makes anew are readable too. Run again, it changes nothing.

    Raises:
        InputError: the database is not PostgreSQL, the role is missing and may not be made, or it may read tables.
        StoreError: the database cannot be written.
    """
    if store.dialect != "postgresql":
        raise InputError(
            "roles are PostgreSQL's; the SQLite file is opened read-only by `feedback results sql` and `browse`"
        )
    if not _NAME.fullmatch(role):
        raise InputError(f"{role!r} is no role's name here: use up to 63 letters, digits, _ and -, a letter first")
    quoted = f'"{role}"'
    with store.write() as connection:
        created = _create(connection, role, quoted)
        _grant(connection, quoted)
        _refuse_wider_roles(connection, role)
        in_public = connection.scalar(text("SELECT has_schema_privilege(:role, 'public', 'CREATE')"), {"role": role})
        return Granted(created, _set_defaults(connection, quoted), bool(in_public))


def set_password(store: Store, role: str, password: str) -> None:
    """Give a role of `grant_reporter` a password.

    Raises:
        StoreError: the database cannot be written.
    """
    # A statement of this kind takes no parameters, so the server itself quotes them.
    statement = "SELECT format('ALTER ROLE %I PASSWORD %L', CAST(:role AS text), CAST(:password AS text))"
    with store.write() as connection:
        quoted = connection.scalar(text(statement), {"role": role, "password": password})
        connection.execution_options(no_parameters=True).exec_driver_sql(str(quoted))


def _create(connection: Connection, role: str, quoted: str) -> bool:
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}):
        return False
    may = "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    if not connection.scalar(text(may)):
        raise InputError(
            f"there is no role {role}, and this database user may not create one; have an administrator run "
            f"CREATE ROLE {quoted} LOGIN, then run this again"
        )
    connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN")
    return True


def _grant(connection: Connection, quoted: str) -> None:
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {REPORT_SCHEMA}")
    drop_views_of(connection, f"{REPORT_SCHEMA}.", VIEWS)
    create_report_views(connection)
    for privilege in (
        f"USAGE ON SCHEMA {REPORT_SCHEMA}",
        *(f"SELECT ON {REPORT_SCHEMA}.{view}" for view in VIEWS),
    ):
        connection.exec_driver_sql(f"GRANT {privilege} TO {quoted}")
    # What a migration makes anew loses its grants; these are given to it as it is made.
    connection.exec_driver_sql(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {REPORT_SCHEMA} GRANT SELECT ON TABLES TO {quoted}")


def _refuse_wider_roles(connection: Connection, role: str) -> None:
    may = text("SELECT has_table_privilege(:role, to_regclass(:name), 'SELECT, INSERT, UPDATE, DELETE')")
    wider = [name for name in metadata.tables if connection.scalar(may, {"role": role, "name": name})]
    if wider:
        raise InputError(
            f"the role {role} may read or write tables too ({', '.join(wider[:3])}, …); name a role of its own. "
            "Nothing was changed"
        )


def _set_defaults(connection: Connection, quoted: str) -> bool:
    try:
        with connection.begin_nested():
            for name, value in _DEFAULTS.items():
                connection.exec_driver_sql(f"ALTER ROLE {quoted} SET {name} = '{value}'")
    except ProgrammingError:
        return False
    return True
