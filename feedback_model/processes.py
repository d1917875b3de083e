"""Child processes that cannot outlive their parent: started, waited for until ready, and stopped."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from feedback_model.errors import ConfigurationError
from feedback_model.network import network_environment
from feedback_model.progress import check_stop
from feedback_model.sizes import show_size
from feedback_model.waiting import Waiting

Found = TypeVar("Found")
START_SILENCE = 600.0  # seconds without a line in its log after which a process that starts counts as stuck
STOP_SECONDS = 15.0  # the guard itself gives its command 10
POLL_SECONDS = 0.1
LEAST_FREE = 32 * 1024**2  # bytes: a server begins with a database of a few


@dataclass
class ManagedProcess:
    """A child under guard: it ends with this process, even on SIGKILL. What it prints goes to `log`."""

    name: str
    """As it is read after "the"."""
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it is told beside our own environment."""
    inherits: Sequence[int] = ()
    """Open files that it gets, by their numbers."""
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        """Start it, or start it again."""
        given = {**os.environ, "PYTHONPATH": _search_path(), **self.environment}
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-S", "-m", "feedback_model.process_guard", *self.command],
                stdin=subprocess.PIPE,  # its closing is the sign that we are gone
                stdout=sink,
                stderr=sink,
                env=given | network_environment(given),
                pass_fds=self.inherits,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop our children in order
            )

    def status(self) -> int | None:
        """Look up its exit status; None while it lives."""
        return self.process.poll()

    def wait_until_ready(self, look: Callable[[], Found | None], silence: float = START_SILENCE) -> Found:
        """Wait until `look` finds something, for as long as the process lives and says something, and return that.

        Args:
            silence: seconds without a line in its log after which it counts as stuck; 0 waits on.

        Raises:
            ConfigurationError: it ended, or said nothing for too long; names its log.
            Interrupted: a stop was requested.
        """
        waiting = Waiting(f"the {self.name} to start", f"its log is {self.log}; Ctrl-C stops")
        size, heard_at = 0, time.monotonic()
        while (found := look()) is None:
            check_stop()
            if (status := self.status()) is not None:
                raise ConfigurationError(f"the {self.name} did not start (status {status}); {self.last_words()}")
            if (now_size := self.log.stat().st_size) != size:
                size, heard_at = now_size, time.monotonic()
            elif silence and time.monotonic() - heard_at > silence:
                raise ConfigurationError(
                    f"the {self.name} did not start (silent for {silence:.0f} s); {self.last_words()}"
                )
            waiting.look()
            time.sleep(POLL_SECONDS)  # between two looks
        return found

    def last_words(self) -> str:
        """Say why it may have ended: that its disk is full, or with what its log ends."""
        free = shutil.disk_usage(self.log.parent).free
        if free < LEAST_FREE:
            return (
                f"the disk of {self.log.parent} is full ({show_size(free)} free): make room there and run the same command "
                f"again; its log is {self.log}"
            )
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"its log is {self.log}" + (f" and ends with: {lines[-1]}" if lines else ", which is empty")

    def close(self) -> None:
        """Tell it to end, without waiting for it."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def stop(self) -> None:
        """End it politely, then for good."""
        self.close()
        waiting = Waiting(f"the {self.name} to end", f"it is ended by force after {STOP_SECONDS:.0f} s")
        deadline = time.monotonic() + STOP_SECONDS
        while self.status() is None and time.monotonic() < deadline:
            waiting.look()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(POLL_SECONDS)
        if self.status() is None:
            self.process.kill()
            self.process.wait()


def _search_path() -> str:
    # The parent may have found this package through its working directory, which is no matter to a child.
    root = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
