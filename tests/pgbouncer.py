"""A PgBouncer in transaction mode, as hosted databases put one before PostgreSQL: each transaction may run in another session."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.local_service import HANGS, eventually
from tests.ports import free_port

SESSIONS = 3  # of the server, shared by all clients


def pgbouncer_program() -> str:
    """PgBouncer, where it is installed; else the test is skipped."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if found is None:
        pytest.skip("pgbouncer was not found: install the package pgbouncer")
    return found


@contextmanager
def pooling(url: str) -> Generator[str]:
    """Serve the database at `url` through a pooler; yields its URL there, as people write it."""
    program, port, server = pgbouncer_program(), free_port(), make_url(url)
    folder = Path(tempfile.mkdtemp(prefix="feedback-pgbouncer-"))
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={server.query['host']} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = transaction\ndefault_pool_size = {SESSIONS}\nlogfile = {folder}/log\n"
    )
    if os.geteuid() == 0:  # it refuses root
        shutil.chown(folder, "postgres")
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    process = subprocess.Popen([*become, program, "-q", str(settings)], stderr=subprocess.DEVNULL)
    pooled = f"postgres://postgres@127.0.0.1:{port}/{server.database}"
    try:
        eventually(lambda: process.poll() is not None or _answers(pooled))
        assert process.poll() is None, (folder / "log").read_text()
        yield pooled
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(HANGS)
        shutil.rmtree(folder)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
