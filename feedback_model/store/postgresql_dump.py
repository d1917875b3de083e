"""A PostgreSQL database as one file, by PostgreSQL's own `pg_dump` and `pg_restore`."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy.engine import URL

from feedback_model.errors import InputError, StoreError

_COUNT_TABLES: Final = (
    "SELECT count(*) FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
)
_PROGRAMS: Final = "install PostgreSQL's client programs"


def dump_database(url: URL, file: Path) -> None:
    """Write the database at `url` to `file`, as it is at one moment.

    Raises:
        StoreError: it cannot be read, or `pg_dump` is not there.
    """
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-acl", "--file", str(file)], url)


def restore_database(url: URL, file: Path) -> None:
    """Fill the empty database at `url` from `file`, all or nothing.

    Raises:
        InputError: there are tables in it.
        StoreError: it cannot be written, or `pg_restore` is not there.
    """
    try:
        with psycopg.connect(_address(url), password=url.password) as connection:
            row = connection.execute(_COUNT_TABLES).fetchone()
    except psycopg.Error as error:
        raise StoreError(f"the database cannot be asked: {error}; check FEEDBACK_DATABASE_URL") from error
    if row and row[0]:
        raise InputError("the database that FEEDBACK_DATABASE_URL names is not empty; have it name an empty one")
    _run(["pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-acl", str(file)], url)


def _address(url: URL) -> str:
    """Return `url` as PostgreSQL's programs take it, without the password: everybody can read the list of processes."""
    return url.set(drivername="postgresql", password=None).render_as_string()


def _run(command: list[str], url: URL) -> None:
    if shutil.which(command[0]) is None:
        raise StoreError(f"{command[0]} was not found; {_PROGRAMS}")
    secret = {"PGPASSWORD": url.password} if url.password else {}
    done = subprocess.run(
        [*command, "--dbname", _address(url)], env={**os.environ, **secret}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise StoreError(f"{command[0]} failed: {said[0]}")
