"""Progress of long work, and the one place where it can be stopped.

Long loops call `advance`; whoever runs them decides who listens (`reporting_to`) and may ask them to stop (`request_stop`),
which the next `advance` turns into `Interrupted`.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from feedback_model.errors import Interrupted, Unwanted


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of one piece of work."""

    stage: str
    """Which work: `label`, `train epoch 2`."""
    done: int
    """Units finished."""
    total: int | None
    """Units in all; None where that is not known."""
    detail: str = ""
    """One short phrase beside the bar: a loss, a cost."""


Listener = Callable[[Progress], None]
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("progress_listeners", default=())
_given_up: ContextVar[Callable[[], bool] | None] = ContextVar("given_up", default=None)
_stop = threading.Event()
STOPPED = "stopped on request; what is done is kept, run the same command again to go on"


def request_stop() -> None:
    """Ask all work in this process to stop at its next step."""
    _stop.set()


def clear_stop() -> None:
    """Forget an earlier `request_stop`."""
    _stop.clear()


def check_stop() -> None:
    """Raise `Interrupted` if a stop was requested; for loops that have no progress to show."""
    if _stop.is_set():
        raise Interrupted(STOPPED)
    if (is_given_up := _given_up.get()) and is_given_up():
        raise Unwanted("nobody waits for this any more")


@contextmanager
def stopping_when(is_given_up: Callable[[], bool]) -> Generator[None]:
    """Have the next look for a stop inside the block raise `Unwanted` once `is_given_up()` is true."""
    token = _given_up.set(is_given_up)
    try:
        yield
    finally:
        _given_up.reset(token)


@contextmanager
def reporting_to(listener: Listener) -> Generator[None]:
    """Send the progress of everything inside the block to `listener`, beside those that hear of it already.

    A listener is called by whatever thread does the work, at every step, and should return at once.
    """
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def relay(seen: Progress) -> None:
    """Tell the listeners how far the work of another process is."""
    for listener in _listeners.get():
        listener(seen)


class Tracker:
    """Counts one piece of work; made by `track`."""

    def __init__(self, stage: str, total: int | None, done: int) -> None:
        self._progress = Progress(stage, done, total)
        self._tell()

    def advance(self, units: int = 1, detail: str = "") -> None:
        """Count `units` as done and tell the listener.

        Raises:
            Interrupted: a stop was requested.
        """
        self._progress = replace(
            self._progress, done=self._progress.done + units, detail=detail or self._progress.detail
        )
        self._tell()
        check_stop()

    def _tell(self) -> None:
        relay(self._progress)


def track(stage: str, total: int | None, done: int = 0) -> Tracker:
    """Start to count `stage`, of which `done` of `total` units were finished before."""
    return Tracker(stage, total, done)
