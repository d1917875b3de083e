"""Waits for database locks, with the session or process that holds them."""

import os
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine

from feedback_model.store.postgresql import Session, open_session
from feedback_model.waiting import Waiting, describe_process

LOOK_SECONDS: Final = 0.5  # between looks at whether a session of ours waits for a lock
_WRITE_LOCK: Final = 120  # byte of the `-shm` file that a SQLite writer locks: WAL_WRITE_LOCK of its WAL-index format
_BLOCKERS: Final = """
SELECT 'session ' || pid || COALESCE(': ' || NULLIF(application_name, ''), '') || COALESCE(' at ' || host(client_addr), '')
FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(%s)) LIMIT 1
"""
_WAY_OUT: Final = "end that session, or press Ctrl-C twice"


def sqlite_writer(database: str | None) -> str:
    """Name the process that writes to a SQLite file now; empty where the system does not tell."""
    try:
        inode = Path(f"{database}-shm").stat().st_ino
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    holders = (_holder_of_write_lock(line.split(), inode) for line in locks)
    pid = next(filter(None, holders), None)
    if pid is None:
        return ""
    return "another part of this command" if pid == os.getpid() else describe_process(pid)


def _holder_of_write_lock(fields: list[str], inode: int) -> int | None:
    # 1: POSIX  ADVISORY  WRITE 8593 fe:00:2157233 120 120
    if len(fields) != 8 or fields[3] != "WRITE" or fields[5].rsplit(":", 1)[-1] != str(inode):
        return None
    first, last = int(fields[6]), fields[7]
    return int(fields[4]) if first <= _WRITE_LOCK and (last == "EOF" or int(last) >= _WRITE_LOCK) else None


@contextmanager
def telling_lock_waits(connection: Connection) -> Generator[None]:
    """Tell, during the block, when this PostgreSQL session waits for a lock that another session holds."""
    ended = threading.Event()
    arguments = (_watch, connection.engine, _session_number(connection), ended)
    watcher = threading.Thread(target=copy_context().run, args=arguments, name="lock wait", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join(1.0)  # a server that is gone may keep it for longer, and it does no harm


def _session_number(connection: Connection) -> int:
    session: Session = connection.connection.info["session"]
    if session.is_pooled:  # its number holds for this transaction
        return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    return session.connection.info.backend_pid


def _watch(engine: Engine, session: int, ended: threading.Event) -> None:
    if ended.wait(LOOK_SECONDS):  # nearly every block
        return
    _, options = engine.dialect.create_connect_args(engine.url)
    with suppress(engine.dialect.loaded_dbapi.Error), closing(open_session(**options).connection) as own:
        _tell_while_blocked(own, session, ended)


def _tell_while_blocked(own: Any, session: int, ended: threading.Event) -> None:
    own.autocommit = True  # within one transaction the activity would never change

    def holder() -> str:
        found = own.execute(_BLOCKERS, (session,)).fetchone()
        return str(found[0]) if found else ""

    waiting = None
    while not ended.wait(LOOK_SECONDS):
        if not holder():
            waiting = None
            continue
        waiting = waiting or Waiting("another session of PostgreSQL to end its transaction", _WAY_OUT, holder)
        waiting.look()
