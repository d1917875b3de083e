"""Text that may be shown: what a terminal would take for orders is left out."""

import re
from typing import Final

_ORDERS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters (ECMA-48, C0 and C1) but tab and line feed; a carriage return would write over what stands before it."""


def without_controls(text: str) -> str:
    """Put the replacement character in the place of each control character, so that one sees that something was there."""
    return _ORDERS.sub("\ufffd", text)
