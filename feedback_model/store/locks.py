"""Leases: which process is at work on what, so that two runs at once never do one thing twice.

A lease names its owner as host, process id and process start. An owner that died on this host is known at once; one on
another host is known when its lease expires. Whoever waits for a lease may be interrupted.
"""

import os
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import cache
from pathlib import Path

from sqlalchemy import delete, select, update

from feedback_model.errors import StoreUnavailable
from feedback_model.progress import check_stop
from feedback_model.store.bulk import insert_missing, upsert
from feedback_model.store.connection import Store
from feedback_model.store.tables import lease
from feedback_model.waiting import Waiting, describe_process

LIFETIME = 90.0  # seconds until a silent owner on another host counts as dead
RENEWAL = 20.0  # seconds between renewals
ATTENDANCE = 10.0  # seconds until a silent member of a group on another host counts as gone
POLL = 0.5  # seconds between looks at a lease someone else holds


def _start_time(pid: int) -> str:
    # Field 22 of /proc/PID/stat tells a process from a later one with the same id; absent outside Linux.
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    except OSError:
        return "0"


@cache
def _identity(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_start_time(pid)}"


_renounced = 0


def process_owner() -> str:
    """This process, as owner of leases and claims."""
    return _identity(os.getpid()) + (f".{_renounced}" if _renounced else "")


def renounce() -> None:
    """Count what this process holds as held by a process that died, so that its next attempt recovers it.

    For an outage: nothing could be given back to a database that is away, and what an endpoint did not answer in time
    is still open.
    """
    global _renounced  # noqa: PLW0603 - an identity is one for the whole process
    _renounced += 1


def is_alive(owner: str) -> bool | None:
    """Tell whether `owner` lives; None where that cannot be known from this host."""
    host, pid, life = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if _start_time(int(pid)) != life.partition(".")[0]:
        return False
    return int(pid) != os.getpid() or owner == process_owner()


def describe_owner(owner: str) -> str:
    """`process 4711: feedback train`, or `process 4711 on HOST` where it is elsewhere."""
    host, pid, _ = owner.rsplit(":", 2)
    return describe_process(int(pid)) if host == socket.gethostname() else f"process {pid} on {host}"


def holder(store: Store, name: str) -> str | None:
    """Name the living holder of the lease `name`; None if there is none."""
    with store.read() as connection:
        row = connection.execute(select(lease.c.owner, lease.c.expires_at).where(lease.c.name == name)).first()
    return row.owner if row is not None and _is_held(row.owner, row.expires_at) else None


def _is_held(owner: str, expires_at: float) -> bool:
    alive = is_alive(owner)
    return expires_at > time.time() if alive is None else alive


def acquire(store: Store, name: str) -> bool:
    """Take the lease `name` unless someone alive holds it; True if it is now ours."""
    owner, expires_at = process_owner(), time.time() + LIFETIME
    with store.write() as connection:
        # Inserting first: of two that find no row, the database lets one in and the other waits to see it.
        if insert_missing(connection, lease, [{"name": name, "owner": owner, "expires_at": expires_at}]):
            return True
        row = connection.execute(select(lease).where(lease.c.name == name).with_for_update()).first()
        if row is None or (row.owner != owner and _is_held(row.owner, row.expires_at)):
            return False
        connection.execute(update(lease).where(lease.c.name == name).values(owner=owner, expires_at=expires_at))
    return True


def release(store: Store, name: str) -> None:
    """Give the lease `name` back if it is ours."""
    with store.write() as connection:
        connection.execute(delete(lease).where(lease.c.name == name, lease.c.owner == process_owner()))


def _renew(store: Store, name: str, finished: threading.Event) -> None:
    while not finished.wait(RENEWAL):
        # A database that is away for a moment must not end what renews the lease when it is back.
        with suppress(StoreUnavailable), store.write() as connection:
            connection.execute(
                update(lease)
                .where(lease.c.name == name, lease.c.owner == process_owner())
                .values(expires_at=time.time() + LIFETIME)
            )


@contextmanager
def hold(store: Store, name: str, activity: str) -> Generator[None]:
    """Hold the lease `name` during the block, waiting while another process has it.

    Args:
        activity: what its holder does, as it is read after "another process that"; for those who wait.

    Raises:
        Interrupted: a stop was requested while waiting.
    """

    def whom() -> str:
        owner = holder(store, name)
        return describe_owner(owner) if owner else ""

    waiting = Waiting(f"another process that {activity}", "end that process, or stop this one with Ctrl-C", whom)
    while not acquire(store, name):
        waiting.look()
        check_stop()
        time.sleep(POLL)  # between two looks
    finished = threading.Event()
    renewing = (_renew, store, name, finished)
    renewal = threading.Thread(target=copy_context().run, args=renewing, name=f"lease {name}", daemon=True)
    renewal.start()
    try:
        yield
    finally:
        finished.set()
        renewal.join()
        release(store, name)


def heartbeat(store: Store, group: str) -> int:
    """Show that this process is one of `group` for the next seconds; returns how many others are."""
    owner, expires_at = process_owner(), time.time() + ATTENDANCE
    with store.write() as connection:
        upsert(connection, lease, [{"name": f"{group}/{owner}", "owner": owner, "expires_at": expires_at}], ["name"])
        members = connection.execute(
            select(lease.c.owner, lease.c.expires_at).where(lease.c.name.startswith(f"{group}/"))
        )
        return sum(member != owner and _is_held(member, until) for member, until in members.tuples())


def deregister(store: Store, group: str) -> None:
    """This process is no longer one of `group`."""
    release(store, f"{group}/{process_owner()}")
