"""Leases: which process is at work on what, so that two runs at once never do one thing twice.

An owner that died on this host is known at once; elsewhere when its lease expires, by the database's clock. A holder that was
silent for so long that another took its lease finds its writes refused: each carries the token of its acquisition. Whoever waits
for a lease may be interrupted.
"""

import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, update

from feedback_model.errors import StoreError, StoreUnavailable
from feedback_model.progress import check_stop
from feedback_model.store.bulk import insert_missing, upsert
from feedback_model.store.clock import read_clock
from feedback_model.store.connection import Store
from feedback_model.store.owners import describe_owner, is_alive, process_owner
from feedback_model.store.tables import lease
from feedback_model.waiting import Waiting

LIFETIME = 90.0  # seconds until a silent owner on another host counts as dead
RENEWAL = 20.0  # seconds between renewals
ATTENDANCE = 10.0  # seconds until a silent member of a group on another host counts as gone
POLL = 0.5  # seconds between looks at a lease someone else holds


@dataclass(frozen=True, slots=True)
class LeaseFence:
    """A lease that this process must still hold."""

    lease_name: str
    token: str
    """Of the acquisition; another holder has another."""

    def check(self, connection: Connection) -> None:
        """See that the lease is ours, and that nobody can take it before this transaction ends.

        Raises:
            StoreError: another process took it over.
        """
        ours = select(lease.c.name).where(_is_ours(self.lease_name, self.token))
        # A key share lets renewals pass, and makes whoever takes the lease over wait for this transaction.
        if connection.execute(ours.with_for_update(read=True, key_share=True)).first() is None:
            raise StoreError(
                f"another process took {self.lease_name} over after {LIFETIME:.0f} s without a sign of this one, so nothing "
                "more of this one's work is kept; run the same command again to go on from there"
            )


def _is_ours(name: str, token: str) -> ColumnElement[bool]:
    return (lease.c.name == name) & (lease.c.token == token)


def holder(store: Store, name: str) -> str | None:
    """Name the living holder of the lease `name`; None if there is none."""
    with store.read() as connection:
        row = connection.execute(select(lease.c.owner, lease.c.expires_at).where(lease.c.name == name)).first()
        return row.owner if row is not None and _is_held(connection, row.owner, row.expires_at) else None


def _is_held(connection: Connection, owner: str, expires_at: float) -> bool:
    return _is_there(owner, expires_at, _time(connection))


def _is_there(owner: str, expires_at: float, present: float) -> bool:
    alive = is_alive(owner)
    return expires_at > present if alive is None else alive


def _time(connection: Connection) -> float:
    return read_clock(connection).timestamp()


def acquire(store: Store, name: str) -> str | None:
    """Take the lease `name` unless someone alive holds it, another thread of this process included.

    Returns:
        The token of this acquisition; None where it is not ours.
    """
    token = secrets.token_hex(8)
    taken = {"owner": process_owner(), "token": token}
    with store.write() as connection:
        # Inserting first: of two that find no row, the database lets one in and the other waits to see it.
        row = {"name": name, **taken, "expires_at": _time(connection) + LIFETIME}
        if insert_missing(connection, lease, [row]):
            return token
        found = connection.execute(select(lease).where(lease.c.name == name).with_for_update()).first()
        if found is None or _is_held(connection, found.owner, found.expires_at):
            return None
        taking = update(lease).where(lease.c.name == name)
        connection.execute(taking.values(**taken, expires_at=_time(connection) + LIFETIME))
    return token


def release(store: Store, name: str, token: str) -> None:
    """Give the lease `name` back if it is still that of this acquisition."""
    with store.write() as connection:
        connection.execute(delete(lease).where(_is_ours(name, token)))


def _renew(store: Store, name: str, token: str, finished: threading.Event) -> None:
    while not finished.wait(RENEWAL):
        # A database that is away for a moment must not end what renews the lease when it is back.
        with suppress(StoreUnavailable), store.write() as connection:
            expires_at = _time(connection) + LIFETIME
            connection.execute(update(lease).where(_is_ours(name, token)).values(expires_at=expires_at))


@contextmanager
def hold(store: Store, name: str, activity: str) -> Generator[Store]:
    """Hold the lease `name` during the block, waiting while another process has it.

    Args:
        activity: what its holder does, as it is read after "another process that"; for those who wait.

    Yields:
        The store to write to within the block: it refuses once the lease is lost.

    Raises:
        Interrupted: a stop was requested while waiting.
    """

    def whom() -> str:
        owner = holder(store, name)
        return describe_owner(owner) if owner else ""

    waiting = Waiting(f"another process that {activity}", "end that process, or stop this one with Ctrl-C", whom)
    while (token := acquire(store, name)) is None:
        waiting.look()
        check_stop()
        time.sleep(POLL)  # between two looks
    finished = threading.Event()
    renewing = (_renew, store.unfenced(), name, token, finished)
    renewal = threading.Thread(target=copy_context().run, args=renewing, name=f"lease {name}", daemon=True)
    renewal.start()
    try:
        yield store.fenced(LeaseFence(name, token))
    finally:
        finished.set()
        renewal.join()
        release(store.unfenced(), name, token)


def heartbeat(store: Store, group: str) -> int:
    """Show that this process is one of `group` for the next seconds; returns how many others are."""
    owner = process_owner()
    with store.write() as connection:
        present = _time(connection)  # asked once: members may be a thousand
        row = {"name": f"{group}/{owner}", "owner": owner, "expires_at": present + ATTENDANCE}
        upsert(connection, lease, [row], ["name"])
        members = connection.execute(
            select(lease.c.owner, lease.c.expires_at).where(lease.c.name.startswith(f"{group}/"))
        ).all()
        return sum(member != owner and _is_there(member, until, present) for member, until in members)


def deregister(store: Store, group: str) -> None:
    """This process is no longer one of `group`."""
    owner = process_owner()
    with store.write() as connection:
        connection.execute(delete(lease).where(lease.c.name == f"{group}/{owner}", lease.c.owner == owner))
