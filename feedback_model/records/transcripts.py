"""The frozen records that flow between modules. Identifiers are content hashes, so equal things have equal names."""

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Origin = Literal["real", "augmented"]

Forgettable = Literal["speaker", "document", "source"]
"""What the name of something that is to be forgotten may be."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A cleaned piece of speech, or of text standing in for speech."""

    transcript_id: str
    """Hash of the cleaned text."""
    source_id: str
    """The document it comes from; all near duplicates share one. Splits are drawn by this."""
    text: str
    source: str
    """Where it was landed from: a corpus or a system."""
    genre: str
    """Kind of speech or writing; empty where unknown."""
    split: Split
    origin: Origin = "real"
    parent_id: str | None = None
    """The transcript this one was rewritten from; only augmented ones have one."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A place where a transcript's text was found; equal texts of several places are one transcript."""

    transcript_id: str
    document: str
    """The recording's name: the one that its user gave it, else a hash of its text."""
    record_id: str | None
    """The id that its user gave it."""
    locator: str
    """Where it stands, for a person to find it: `file`, `file:line` or `file row n`."""
    speakers: tuple[str, ...]
    """Whose words are in it, in the order in which they first speak; empty where the file names nobody."""
    piece: int
    """Counted from 1."""
    pieces: int
    """That the recording, or what its speaker said in it, was cut into."""
    start: float | None
    """Seconds from the recording's beginning; None where the file has no times."""
    end: float | None
    language: str | None
    """As the file calls it."""
