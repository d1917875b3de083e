"""The frozen records that flow between modules. Identifiers are content hashes, so equal things have equal names."""

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Origin = Literal["real", "augmented"]


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
