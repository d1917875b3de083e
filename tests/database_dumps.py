"""Dumps of a filled store as SQL, one a kind of database and revision, which every later revision must be able to open."""

import gzip
import sqlite3
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

DUMPS = Path(__file__).parent / "fixtures" / "databases"


def write_dump(url: str, path: Path) -> None:
    """Write the database at `url` as SQL that `restore_dump` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = _sqlite_lines(url) if url.startswith("sqlite") else postgres_lines(url)
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def restore_dump(path: Path, url: str) -> None:
    """Make the database of a dump again at `url`, which must be empty."""
    sql = gzip.decompress(path.read_bytes()).decode()
    if url.startswith("sqlite"):
        database = Path(make_url(url).database or "")
        database.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(database) as connection:
            connection.executescript(sql)
        connection.close()
    else:
        with psycopg.connect(_plain(url), autocommit=True) as connection:
            connection.execute(sql)  # pyright: ignore[reportCallIssue, reportArgumentType] - no literal string


def _sqlite_lines(url: str) -> Iterable[str]:
    connection = sqlite3.connect(make_url(url).database or "")
    lines = list(connection.iterdump())
    connection.close()
    return lines


def postgres_lines(url: str) -> Iterable[str]:
    """The database at `url` as SQL."""
    command = ["pg_dump", "--no-owner", "--no-privileges", "--inserts", _plain(url)]
    sql = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # A backslash begins what psql alone understands.
    return [line for line in sql.splitlines() if line and not line.startswith(("--", "\\"))]


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")
