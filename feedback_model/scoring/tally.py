"""Counts of a result, for the sentence at its end and the exit status."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from feedback_model.scoring.rows import Row

TOLD: Final = 20
"""Refused documents that are told one by one; all of them are rows of the result."""


@dataclass
class Tally:
    """Counts of the rows seen so far, those that combine others left out."""

    tell: Callable[[str], None]
    """Takes a sentence for the user."""
    documents: int = 0
    """Refused ones included."""
    pieces: int = 0
    """That a model was asked about."""
    valid_pieces: int = 0
    cut_answers: int = 0
    """Answers that the token limit ended."""
    foreign_pieces: int = 0
    """In another language than English."""
    refused: Counter[str] = field(default_factory=Counter)
    """Documents by code."""
    first_reason: str = ""
    """Why the first refused document was."""

    def count(self, row: Row) -> Row:
        """Count a row, and return it."""
        self.documents += row.piece is None or row.piece == row.pieces
        if not row.pieces:
            self._count_refused(row)
            return row
        self.pieces += 1
        self.valid_pieces += row.valid_pieces
        self.cut_answers += row.finish_reason == "length"
        self.foreign_pieces += not row.english
        return row

    def _count_refused(self, row: Row) -> None:
        self.refused[row.failure or ""] += 1
        reason = f"{row.names.locator}: {row.reason}"
        self.first_reason = self.first_reason or reason
        if self.refused.total() <= TOLD:
            self.tell(f"not scored: {reason}")

    def phrase(self) -> str:
        """Phrase the counts: `19 of 20 documents in 24 pieces, 1 refused, 2 pieces without valid feedback`."""
        invalid, refused = self.pieces - self.valid_pieces, self.refused.total()
        taken = f"{self.documents - refused:,} of " if refused else ""
        parts = (
            f"{taken}{_counted(self.documents, 'document')} in {_counted(self.pieces, 'piece')}",
            refused and f"{refused:,} refused",
            invalid and f"{_counted(invalid, 'piece')} without valid feedback",
            self.foreign_pieces
            and f"{_counted(self.foreign_pieces, 'piece')} not in English, whose scores mean little",
        )
        return ", ".join(part for part in parts if part)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
