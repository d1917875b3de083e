"""Processes that `feedback up` started, found by what they were told at their start, wherever they hang in the tree by now.

A worker gives each run a session of its own, so that one may outlive its worker, and `up` too. Each is held by a file of the
kernel's that names one process for good: a number that is used again is never mistaken for it.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from feedback_model.store.owners import is_alive, process_owner
from feedback_model.waiting import Waiting

STARTED_BY: Final = "FEEDBACK_STARTED_BY"
"""In the environment of each: which `up` it was, as `owners` writes it."""
FLOW_RUN: Final = "PREFECT__FLOW_RUN_ID"
GRACE_SECONDS: Final = 10.0
"""For what is paid for to be kept; the rest is made up for."""
LOOK_SECONDS: Final = 0.25


def end_left_processes(home: Path) -> int:
    """End what an `up` of this home left that has ended itself, politely and then for good; returns how many there were."""
    return _end(home, lambda told: is_alive(told[STARTED_BY]) is False)


def end_own_processes(home: Path) -> int:
    """End what is left of that which this process started, likewise."""
    return _end(home, lambda told: told[STARTED_BY] == process_owner())


def end_run(home: Path, flow_run_id: str) -> int:
    """End the processes of a flow run, likewise."""
    return _end(home, lambda told: told.get(FLOW_RUN) == flow_run_id)


def runs_at_work(home: Path) -> frozenset[str]:
    """List the flow runs of this home that have a process on this machine."""
    # Only the process that executes the run leads a session; what that starts may outlive it.
    leaders = (told for number, told in _processes(home) if _leads_session(number))
    return frozenset(told[FLOW_RUN] for told in leaders if FLOW_RUN in told)


def _end(home: Path, is_wanted: Callable[[dict[str, str]], bool]) -> int:
    with ExitStack() as opened:
        left = list(_handles(home, is_wanted, opened))
        for number in (signal.SIGTERM, signal.SIGKILL):
            for handle in left:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            _await_ends(left)
        return len(left)


def _handles(home: Path, is_wanted: Callable[[dict[str, str]], bool], opened: ExitStack) -> Iterator[int]:
    for number, told in _processes(home):
        with suppress(ProcessLookupError):
            if is_wanted(told):
                handle = os.pidfd_open(number)
                opened.callback(os.close, handle)
                if _environment(number) == told:  # still the one that was found
                    yield handle


def _await_ends(handles: list[int]) -> None:
    waiting = Waiting("what `feedback up` had started to end", f"it is ended by force after {GRACE_SECONDS:.0f} s")
    remaining, deadline = set(handles), time.monotonic() + GRACE_SECONDS
    while remaining and time.monotonic() < deadline:
        waiting.look()
        remaining -= set(select.select(remaining, (), (), LOOK_SECONDS)[0])  # readable: it has ended


def _processes(home: Path) -> Iterator[tuple[int, dict[str, str]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        told = _environment(int(folder.name))
        if told.get("FEEDBACK_HOME") == str(home) and STARTED_BY in told:
            yield int(folder.name), told


def _environment(number: int) -> dict[str, str]:
    """Read what a process was told at its start; nothing where that cannot be seen."""
    try:
        words = Path(f"/proc/{number}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    pairs = (word.partition("=") for word in words)
    return {name: value for name, equals, value in pairs if equals}


def _leads_session(number: int) -> bool:
    try:
        return os.getsid(number) == number
    except ProcessLookupError:
        return False
