"""A document as it was sent, ready to be cleaned."""

from dataclasses import dataclass

from feedback_model.records.recordings import Turn

EXCERPT_BYTES = 200  # of what is refused: enough to recognise it


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
    recording: str | None = None
    """Names the recording by its content, where this is what one of its speakers said."""
    turns: tuple[Turn, ...] = ()
    """That the text was joined from; empty where it came as one."""
    language: str | None = None


def excerpt(text: str | bytes) -> bytes:
    """Return the beginning of what is refused."""
    raw = text if isinstance(text, bytes) else text[:EXCERPT_BYTES].encode("utf-8", "surrogatepass")
    return raw[:EXCERPT_BYTES]
