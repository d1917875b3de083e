"""A document as it was sent, and how a row of any format becomes one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from feedback_model.store.transcripts import Reject

EXCERPT_BYTES = 200  # of what is refused: enough to recognise it
_EXACT: Final = 2**53  # below it every whole number has a floating-point number of its own


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A document as it was sent."""

    text: str
    locator: str
    """Where it stands, for a person to find it."""
    source: str
    """What the record calls its source, else the name of its file or dataset."""
    document: str | None = None
    """The document's own id, where it has one."""
    genre: str = ""
    record_id: str | None = None
    """The id that its user gave it, where there is one."""
    speaker: str | None = None


def record_from(fields: Mapping[str, object], locator: str, source: str, text_column: str) -> RawRecord | Reject:
    """Return the record that a row's `fields` make, or why they make none."""
    text = fields.get(text_column)
    if text is None and text_column not in fields:
        names = ", ".join(sorted(str(name) for name in fields)) or "none"
        return Reject(
            locator, "no_text", f"there is no field {text_column!r} (fields: {names}); name it with --text-column"
        )
    if not isinstance(text, str) or not text.strip():
        return Reject(locator, "no_text", f"the field {text_column!r} holds no text", excerpt(repr(text)))
    return RawRecord(
        text,
        locator,
        _word(fields.get("source")) or source,
        _word(fields.get("document")),
        _word(fields.get("genre")) or "",
        _word(fields.get("id")),
        _word(fields.get("speaker")),
    )


def excerpt(text: str | bytes) -> bytes:
    """Return the beginning of what is refused."""
    raw = text if isinstance(text, bytes) else text[:EXCERPT_BYTES].encode("utf-8", "surrogatepass")
    return raw[:EXCERPT_BYTES]


def _word(value: object) -> str | None:
    """Return a name as text: ids may be numbers, dates or UUIDs; a column of numbers with a gap holds 7 as 7.0."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        value = int(value) if value.is_integer() and abs(value) < _EXACT else value
    if not isinstance(value, str | int | float | Decimal | date | UUID):
        return None
    return str(value).replace("\0", "").strip() or None  # NUL characters would break PostgreSQL
