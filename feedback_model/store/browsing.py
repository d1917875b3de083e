"""Datasette over the SQLite file: pages of every view, a URL for every query, nothing that can be changed."""

import sys
from pathlib import Path

from sqlalchemy.engine import make_url

from feedback_model.errors import InputError, StoreError

_LIMITS = {"sql_time_limit_ms": 10_000, "max_returned_rows": 10_000}


def datasette_command(store_url: str, port: int) -> list[str]:
    """The command that serves the database at `store_url` on 127.0.0.1.

    Datasette opens a file read-only unless a plugin asks to write. It is not told that the file is immutable: it would then
    overlook what stands in the write-ahead log, and what is written while it runs.

    Raises:
        InputError: the database is not SQLite.
        StoreError: there is no database yet.
    """
    url = make_url(store_url)
    if url.get_backend_name() != "sqlite":
        raise InputError("Datasette reads SQLite; for PostgreSQL use psql, Metabase or Superset over the same views")
    path = Path(url.database or "")
    if not path.is_file():
        raise StoreError(f"there is no database at {path} yet; run `feedback land` or `feedback demo` first")
    limits = [word for name, value in _LIMITS.items() for word in ("--setting", name, str(value))]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "datasette", "serve", str(path), *where, *limits]
