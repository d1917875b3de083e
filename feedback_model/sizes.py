"""Sizes of memory, as people write and read them; units are powers of 1024."""

import re
from typing import Final

_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def parse_size(text: str) -> int:
    """Read `6GiB`, `512MiB` or a plain number of bytes; nothing at all is 0.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text, re.IGNORECASE)
    if text and not found:
        raise ValueError("write a size such as 6GiB or 512MiB")
    return int(float(found[1]) * _UNITS[found[2].lower()]) if found else 0


def show_size(n_bytes: float) -> str:
    """Write bytes as MiB, as GiB from half a one, and as KiB below a MiB."""
    if n_bytes >= 1024**3 / 2:
        return f"{n_bytes / 1024**3:.1f} GiB"
    return f"{n_bytes / 1024**2:.0f} MiB" if n_bytes >= 1024**2 else f"{n_bytes / 1024:.0f} KiB"
