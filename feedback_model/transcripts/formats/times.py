"""Times of recordings as people and programs write them: `1:02:03.4`, `62:03,4`, `3.5s`, `PT3.5S`, ticks."""

import re
from datetime import time, timedelta
from typing import Final

CLOCK: Final = r"(?:\d+:)?\d{1,3}:\d{1,2}(?:[.,]\d{1,9})?"
"""Hours, minutes, seconds and a part of one, as captions and recognisers write them."""
_SECONDS: Final = re.compile(r"(?:PT)?(-?\d+(?:\.\d+)?(?:e-?\d+)?)s?", re.IGNORECASE)
_ISO: Final = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")  # ISO 8601, as Azure writes durations


def seconds_of(value: object) -> float | None:
    """Return a time in seconds, or None where `value` is none."""
    if isinstance(value, time | timedelta):  # a cell of a workbook
        value = str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if not isinstance(value, str):
        return float(value)
    text = value.strip().strip("[]()").replace(",", ".")
    if re.fullmatch(CLOCK, text):
        return clock_seconds(text)
    if found := _SECONDS.fullmatch(text):
        return float(found[1])
    found = _ISO.fullmatch(text)
    return float(found[1] or 0) * 3600 + float(found[2] or 0) * 60 + float(found[3] or 0) if found else None


def clock_seconds(text: str) -> float:
    """Return the seconds of a time that matches `CLOCK`."""
    seconds = 0.0
    for part in text.replace(",", ".").split(":"):
        seconds = 60 * seconds + float(part)
    return round(seconds, 3)
