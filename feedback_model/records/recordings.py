"""A recording as it was transcribed: who said what, and when. Every format is read into this one record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """Something said without a break, as the file has it: a caption, a segment, a paragraph."""

    speaker: str | None
    """As the file names the speaker; None where it names nobody."""
    start: float | None
    """Seconds from the recording's beginning; None where the file has no times."""
    end: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording, in the order in which it was spoken."""

    turns: tuple[Turn, ...]
    file: str
    """Where it stands, for a person to find it: `file`, `file:line` or `file row n`."""
    id: str | None = None
    """The id that its user gave it, where there is one."""
    language: str | None = None
    """As the file calls it; None where it does not."""
    source: str = ""
    """What the file calls its source, else the file's or data set's own name."""
    document: str | None = None
    """The user's name for the document, which several recordings may share."""
    genre: str = ""
