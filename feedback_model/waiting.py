"""Reports of waits: what is waited for, how long so far, and the way out.

A loop that waits calls `Waiting.look` each time around; a call that blocks inside a library goes into `waiting_for`. Both tell
after one second, and again at growing intervals. Without a listener (`telling_waits`) a wait is a line in the log.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

FIRST_SECONDS = 1.0
LONGEST_GAP = 600.0  # seconds between two lines about one wait, at most
LOOK_SECONDS = 0.25  # between looks while a call blocks
SHOWN_COMMAND = 60  # characters of another process's command line


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait as it stands."""

    what: str
    """Who or what is waited for, as it is read after "waiting for"."""
    seconds: float | None
    """How long so far; None where it only begins."""
    way_out: str
    """What a person can do who does not want to wait."""

    def __str__(self) -> str:
        so_far = "" if self.seconds is None else f", {duration(self.seconds)} so far"
        return f"waiting for {self.what}{so_far}; {self.way_out}"


def duration(seconds: float) -> str:
    """Phrase a duration by its largest units: `45 s`, `12 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


Listener = Callable[[Wait], None]


def _log(wait: Wait) -> None:
    logging.getLogger(__name__).warning("%s", wait)


@dataclass
class _Teller:
    """Decides when a listener hears of a wait. Many waits for one thing, at once or in a row, count as one."""

    listen: Listener
    first: float = FIRST_SECONDS
    clock: Callable[[], float] = time.monotonic
    told: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """When each thing was spoken of last, and the seconds until it may be again."""

    def is_due(self, what: str, since: float) -> bool:
        """Tell whether to speak now, and count it as spoken if so."""
        now = self.clock()
        last, gap = self.told.get(what, (float("-inf"), 0.0))
        if now - since < self.first or now - last < gap:
            return False
        is_new = now - last > 4 * gap
        self.told[what] = now, 2 * self.first if is_new else min(2 * gap, LONGEST_GAP)
        return True


_LOG = _Teller(_log)
_teller: ContextVar[_Teller] = ContextVar("wait_teller", default=_LOG)


def is_listened_to() -> bool:
    """Tell whether somebody listens to the waits here; otherwise they are lines in the log."""
    return _teller.get() is not _LOG


def tell(wait: Wait) -> None:
    """Tell of a wait at once, however long it will take."""
    _teller.get().listen(wait)


@contextmanager
def telling_waits(
    listen: Listener, *, first: float = FIRST_SECONDS, clock: Callable[[], float] = time.monotonic
) -> Generator[None]:
    """Tell `listen` of every wait inside the block that takes `first` seconds."""
    token = _teller.set(_Teller(listen, first, clock))
    try:
        yield
    finally:
        _teller.reset(token)


class Waiting:
    """A wait that begins now."""

    def __init__(self, what: str, way_out: str, whom: Callable[[], str] = str) -> None:
        """Begin to wait for `what`.

        Args:
            whom: names who it is, where that takes a look; asked only when a line is told.
        """
        self._teller = _teller.get()
        self._since = self._teller.clock()
        self._what, self._way_out, self._whom = what, way_out, whom

    def look(self) -> None:
        """Tell of the wait if it is time to."""
        if not self._teller.is_due(self._what, self._since):
            return
        whom = self._whom()
        what = f"{self._what} ({whom})" if whom else self._what
        self._teller.listen(Wait(what, self._teller.clock() - self._since, self._way_out))


@contextmanager
def waiting_for(what: str, way_out: str, whom: Callable[[], str] = str) -> Generator[None]:
    """Tell of the block, which waits for `what` inside a library; the arguments are those of `Waiting`."""
    waiting, ended = Waiting(what, way_out, whom), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            waiting.look()

    watcher = threading.Thread(target=watch, name="wait", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def describe_process(pid: int) -> str:
    """Name a process by number and command, `process 4711: feedback train`; the number alone where no more is told."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        words = []
    command = _shorten(words)
    return f"process {pid}: {command}" if command else f"process {pid}"


def _shorten(words: list[str]) -> str:
    # Neither the interpreter nor folders say what runs.
    named = [Path(word).name for word in words[:2]] + words[2:]
    told = " ".join(" ".join(named[named[0].startswith("python") :]).split()) if named else ""
    return told if len(told) <= SHOWN_COMMAND else f"{told[:SHOWN_COMMAND]}..."
