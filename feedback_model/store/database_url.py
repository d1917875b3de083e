"""Database URLs as people have them, read into what SQLAlchemy takes."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from feedback_model.errors import StoreError

_SQLITE: Final = "sqlite:///"


def read_database_url(text: str) -> URL:
    """Read a database URL; PostgreSQL's is taken with any driver's name or none, since the driver is ours to choose.

    Raises:
        StoreError: it is none, or of a database that is not known here.
    """
    if text.startswith(_SQLITE) and "/" in text.rpartition("?")[2]:
        # A folder may have a question mark in its name; SQLAlchemy would take what follows it for options.
        return URL.create("sqlite", database=text.removeprefix(_SQLITE))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise _not_a_url(text) from error
    if url.drivername.partition("+")[0] in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite":
        return url
    raise _not_a_url(text)


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite database; None where it is in memory or has options of its own, and of any other database."""
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:") and not url.query
    return Path(url.database or "") if is_file else None


def readonly_uri(path: Path) -> str:
    """Return the URI by which SQLite opens a file to read it, also in a folder that cannot be written."""
    uri = f"file:{quote(str(path))}?mode=ro"
    # To read one with a write-ahead log SQLite makes files beside it, unless it is told that nobody writes: where nobody can and
    # no log is there.
    is_still = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    return f"{uri}&immutable=1" if is_still else uri


def _not_a_url(text: str) -> StoreError:
    # All of it might be a password.
    scheme, found, _ = text.partition("://")
    begins = f" (it begins with {scheme!r})" if found and scheme.isalnum() else ""
    return StoreError(
        f"FEEDBACK_DATABASE_URL is not a database URL{begins}; try sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
    )
