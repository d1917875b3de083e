"""Owners of leases and claims: which process has something, and whether it lives.

An owner is written `HOST:PROCESS:LIFE`. Host and process id are for people. `LIFE` tells apart what they do not: two containers
of one host name have process 7 each, a machine starts again, a process id is used again. It holds the boot of the system and the
process namespace, in which alone a process id means something, the start of the process, and a number drawn at random.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from feedback_model.waiting import describe_process

_SEPARATOR: Final = "/"
_DEAD: Final = frozenset("ZXx")  # states of /proc/PID/stat: ended, though its parent has not looked yet


@dataclass(frozen=True, slots=True)
class _Owner:
    """An owner, read."""

    host: str
    pid: int
    place: str
    """Where its process id means something; empty where that is not known."""
    start: str


def _read(owner: str) -> _Owner:
    host, pid, life = owner.rsplit(":", 2)
    # Earlier versions wrote the start alone, which does not say where.
    place, _, start = life.rpartition(_SEPARATOR)[0].rpartition(_SEPARATOR)
    return _Owner(host, int(pid), place, start)


def _place() -> str:
    """Return the boot of this system and the namespace of this process; empty outside Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}{_SEPARATOR}{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """Return when a process of this place started, in ticks since the boot; empty: it has ended; None: it is not seen."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return "" if state in _DEAD else fields[18]


@cache
def _identity(pid: int) -> str:
    life = _SEPARATOR.join((_place(), _start_of(pid) or "", secrets.token_hex(8)))
    return f"{socket.gethostname()}:{pid}:{life}"


_renounced = 0


def process_owner() -> str:
    """This process, as owner of leases and claims."""
    return _identity(os.getpid()) + (f".{_renounced}" if _renounced else "")


def process_identity() -> str:
    """This process through all that it renounced: `process_owner` begins with it."""
    return _identity(os.getpid())


def renounce() -> None:
    """Count what this process holds as held by a process that died, so that its next attempt recovers it.

    For an outage: nothing could be given back to a database that is away, and what an endpoint did not answer in time
    is still open.
    """
    global _renounced  # noqa: PLW0603 - an identity is one for the whole process
    _renounced += 1


def is_alive(owner: str) -> bool | None:
    """Tell whether `owner` lives; None where that cannot be known from here, or it names no process."""
    if owner.count(":") < 2:
        return None
    if owner == process_owner():
        return True
    if owner.startswith(_identity(os.getpid())):
        return False  # what this process renounced
    found = _read(owner)
    if not found.place or found.place != _place():
        return None
    started = _start_of(found.pid)
    if started is None and _exists(found.pid):
        return None  # /proc may hide what others run
    return started == found.start and found.pid != os.getpid()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def describe_owner(owner: str) -> str:
    """`process 4711: feedback train`, or `process 4711 on HOST` where it cannot be seen from here."""
    found = _read(owner)
    return describe_process(found.pid) if is_alive(owner) is not None else f"process {found.pid} on {found.host}"
