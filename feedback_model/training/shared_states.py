"""States of unfinished trainings in the shared place, so that another machine goes on where one was lost.

Each state has the step and the hash of its bytes in its name: half of one is never taken for one, and a state that is put there
late never hides a newer one.
"""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from feedback_model.errors import ConfigurationError
from feedback_model.model_cache import sha256_of
from feedback_model.records.training import run_folder
from feedback_model.shared_place import SharedFile, SharedPlace, shared_place

_log = logging.getLogger(__name__)

SHARE: Final = 0.1
"""Largest part of the time that putting states into the shared place may take."""
_NAME: Final = re.compile(r".*/step-(\d+)-([0-9a-f]{64})\.safetensors")


@dataclass
class SharedStates:
    """States of one training run in the shared place; of none where there is no such place."""

    run_id: str
    place: SharedPlace | None = field(default_factory=shared_place)
    _due: float = 0.0
    """On the monotonic clock: when the next state may be put there."""

    def put(self, file: Path, step: int, *, now: bool = False) -> None:
        """Put a saved state there, in place of those of no more steps.

        As often as it is saved, but never so often that this takes more than a tenth of the time. A place that does not answer
        costs the newest state there and nothing else, so it is told and passed over.

        Args:
            step: updates that are done in it.
            now: whatever it takes.
        """
        began = time.monotonic()
        if self.place is None or not file.is_file() or (began < self._due and not now):
            return
        try:
            self._put(self.place, file, step)
        except ConfigurationError as error:
            _log.warning("training goes on, but no other machine could go on from here: %s", error)
        done = time.monotonic()
        self._due = done + (done - began) / SHARE

    def make_due(self) -> None:
        """Have the next state put there, however short ago the last one was."""
        self._due = 0.0

    def _put(self, place: SharedPlace, file: Path, step: int) -> None:
        name = f"{self._folder}/step-{step:08d}-{sha256_of(file)}.safetensors"
        place.put(file, name)
        for each in place.list(self._folder):
            if _step_of(each) <= step and each.name != name:
                place.remove(each.name)

    def fetched(self, after: int) -> Iterator[Path]:
        """Yield the whole states of more than `after` steps, those of most steps first; each until the next is asked for.

        Raises:
            ConfigurationError: the place cannot be used, or does not answer (SourceUnreachable).
        """
        with TemporaryDirectory(prefix="feedback-state-") as scratch:
            file = Path(scratch) / "fetched"
            yield from (file for each in self._listed(after) if self._fetch(each, file))

    def _listed(self, after: int) -> list[SharedFile]:
        found = self.place.list(self._folder) if self.place is not None else ()
        return sorted((each for each in found if _step_of(each) > after), key=_step_of, reverse=True)

    def _fetch(self, found: SharedFile, file: Path) -> bool:
        named = _NAME.fullmatch(found.name)
        if self.place is None or named is None or not self.place.fetch(found.name, file):
            return False
        if sha256_of(file) == named[2]:
            return True
        _log.warning("the state %s/%s is cut off or damaged, so it is not used", self.place.url, found.name)
        return False

    def forget(self) -> None:
        """Remove them all.

        Raises:
            ConfigurationError: the place cannot be used, or does not answer (SourceUnreachable).
        """
        if self.place is not None:
            self.place.remove_folder(self._folder)

    @property
    def _folder(self) -> str:
        return f"{run_folder(self.run_id).as_posix()}/state"


def find_state(file: Path, shared: SharedStates, begun: str | None) -> dict[str, Any] | None:
    """Return the state from which a training goes on: that of this home in `file`, or one of another machine with more steps.

    Args:
        begun: when the training began; what an earlier one of the same recipe left is passed over. None: not known.

    Raises:
        ConfigurationError: the shared place cannot be used, or does not answer (SourceUnreachable).
    """
    own = _read(file, begun)
    for fetched in shared.fetched(after=own["position"]["step"] if own else -1):
        if (found := _read(fetched, begun)) is not None:
            _log.info("training goes on at step %d, where another machine left it", found["position"]["step"])
            return found
    return own


def _read(file: Path, begun: str | None) -> dict[str, Any] | None:
    from feedback_model.training.state import read_state

    state = read_state(file)
    is_of_another = state is not None and begun and state.get("begun") not in {begun, "", None}
    return None if is_of_another else state


def _step_of(found: SharedFile) -> int:
    named = _NAME.fullmatch(found.name)
    return int(named[1]) if named else -1
