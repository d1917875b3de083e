"""What has landed, in figures alone: nothing of what was said, and nobody's name."""

from collections.abc import Mapping
from dataclasses import dataclass

from feedback_model.records.transcripts import Split


@dataclass(frozen=True, slots=True)
class WordCounts:
    """Words of some transcripts."""

    total: int
    least: int
    """In one transcript; so are the other two."""
    mean: float
    most: int


@dataclass(frozen=True, slots=True)
class LandedData:
    """Landings together: what of them can be used, and what cannot."""

    n_landings: int
    n_documents: int
    """That the new transcripts come from."""
    splits: Mapping[Split, int]
    """New transcripts, by the split that they belong to."""
    words: WordCounts | None
    """Of the new transcripts; None where there are none."""
    n_known: int
    """Landed before."""
    n_duplicate: int
    """The same text twice in one landing."""
    n_refused: int
    """Records that cannot be used."""
    refused: Mapping[str, int]
    """The same by code, as far as they were kept: 10,000 of each landing."""
    languages: Mapping[str | None, int]
    """New transcripts, by language as their files call it; None where they do not say."""

    @property
    def n_new(self) -> int:
        """Count the new transcripts."""
        return sum(self.splits.values())


def phrase_landing(accepted: int, known: int, duplicate: int, rejected: Mapping[str, int]) -> str:
    """Say in one sentence what became of the records of a landing.

    Args:
        rejected: by code.
    """
    reasons = f" ({phrase_counts(rejected)})" if rejected else ""
    return (
        f"landed: {accepted:,} accepted, {known:,} known already, {duplicate:,} duplicate, "
        f"{sum(rejected.values()):,} rejected{reasons}"
    )


def phrase_counts(counts: Mapping[str, int]) -> str:
    """Phrase counts, the largest first: `40 en, 20 de`; empty for none."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
