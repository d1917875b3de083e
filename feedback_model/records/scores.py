"""Score distributions: how likely a model holds each of the ten scores."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from feedback_model.traits import MIN_SCORE, SCORES

LEVEL: Final = 0.8
"""Share of a distribution that its interval holds at least."""


@dataclass(frozen=True, slots=True)
class ScoreDistribution:
    """Probabilities of the scores 1 to 10 of one trait, in their order; they add up to 1."""

    probabilities: tuple[float, ...]

    @property
    def expectation(self) -> float:
        """Mean score: of all numbers the one with the least expected squared error."""
        return sum(score * share for score, share in zip(SCORES, self.probabilities, strict=True))

    @property
    def score(self) -> int:
        """The expectation as a whole score."""
        return int(self.expectation + 0.5)

    @property
    def interval(self) -> tuple[int, int]:
        """Least and greatest score of the central interval that holds `LEVEL`; each tail beyond it at most half the rest."""
        tail = (1 - LEVEL) / 2
        below = list(accumulate(self.probabilities))
        low = next(at for at, share in enumerate(below) if share > tail)
        high = next(at for at, share in enumerate(below) if share >= 1 - tail - 1e-9)
        return MIN_SCORE + low, MIN_SCORE + high
