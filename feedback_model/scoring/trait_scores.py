"""Scores of a trait as a reader gets them, and the rule that makes those of a document out of those of its pieces. Pure.

The rule, for each trait: expectations (without distributions: whole scores) are averaged and distributions mixed, both
weighted by the pieces' words; the interval is that of the mixture; the explanation is that of the piece whose score is nearest
to the result, the first of equals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from feedback_model.feedback import Feedback
from feedback_model.records.scores import ScoreDistribution
from feedback_model.traits import TRAIT_KEYS

DECIMALS: Final = 5
"""Of a probability. A document's scores are made of the rounded ones, so that whoever reads them can make them again."""


@dataclass(frozen=True, slots=True)
class TraitScore:
    """Score of one trait, of a piece or of a whole document."""

    score: int
    """1 to 10."""
    expectation: float | None
    """Mean of the score's distribution; of a document without distributions the mean over its pieces; else None."""
    interval: tuple[int, int] | None
    """Least and greatest score of the central interval; None without a distribution."""
    probabilities: tuple[float, ...] | None
    """Of the scores 1 to 10."""
    explanation: str | None
    """None where the model was asked for scores alone."""

    @property
    def mean(self) -> float:
        """The expectation, or without one the score."""
        return self.score if self.expectation is None else self.expectation


TraitScores = tuple[TraitScore, ...]
"""One a trait, in the order of `TRAITS`."""


def score_piece(feedback: Feedback | None, distributions: Sequence[ScoreDistribution] | None) -> TraitScores | None:
    """Return the scores of a piece, from its distributions where it has them; None where the model said nothing valid."""
    if distributions is None:
        return feedback and tuple(
            TraitScore(each.score, None, None, None, each.explanation) for each in feedback.traits
        )
    said = [each.explanation for each in feedback.traits] if feedback else [None] * len(TRAIT_KEYS)
    return tuple(_read_off(*each) for each in zip(distributions, said, strict=True))


def combine(pieces: Sequence[TraitScores], words: Sequence[int]) -> TraitScores:
    """Make the scores of a document out of those of its pieces, by the rule above.

    Args:
        pieces: those that have scores, at least one.
        words: of each of them.
    """
    return tuple(_combine_trait(each, words) for each in zip(*pieces, strict=True))


def _combine_trait(scores: Sequence[TraitScore], words: Sequence[int]) -> TraitScore:
    mean = _average([each.mean for each in scores], words)
    explained = [each for each in scores if each.explanation is not None]
    nearest = min(explained, key=lambda each: abs(each.mean - mean), default=None)
    explanation = nearest and nearest.explanation
    known = [each.probabilities for each in scores if each.probabilities is not None]
    if len(known) < len(scores):
        return TraitScore(int(mean + 0.5), round(mean, DECIMALS), None, None, explanation)
    mixture = ScoreDistribution(tuple(_average(shares, words) for shares in zip(*known, strict=True)))
    return _read_off(mixture, explanation)


def _read_off(distribution: ScoreDistribution, explanation: str | None) -> TraitScore:
    rounded = ScoreDistribution(tuple(round(share, DECIMALS) for share in distribution.probabilities))
    return TraitScore(
        distribution.score, round(rounded.expectation, DECIMALS), rounded.interval, rounded.probabilities, explanation
    )


def _average(values: Sequence[float], words: Sequence[int]) -> float:
    return sum(value * count for value, count in zip(values, words, strict=True)) / sum(words)
