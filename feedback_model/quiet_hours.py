"""Hours in which no retraining begins, such as `08:00-18:30`: of UTC, and over midnight where they end before they begin."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Final

_FORM: Final = re.compile(r"\s*(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})\s*")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to before `end`, every day."""

    start: time
    end: time

    def include(self, moment: time) -> bool:
        """Tell whether a time of day lies in them."""
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def parse_quiet_hours(text: str) -> QuietHours | None:
    """Read `HH:MM-HH:MM`; None of an empty text.

    Raises:
        ValueError: it is neither, or both ends are the same.
    """
    if not text.strip():
        return None
    found = _FORM.fullmatch(text)
    try:
        start, end = (time.fromisoformat(each.zfill(5)) for each in found.groups()) if found else (None, None)
    except ValueError:
        start = end = None
    if start is None or end is None or start == end:
        raise ValueError(f"{text!r} are no hours; write them as 08:00-18:30, in UTC")
    return QuietHours(start, end)
