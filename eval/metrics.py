"""Distances between scores and labels, over plain arrays. The mean of nothing is None, never zero.

Knows nothing of transcripts, models or what is missing: the caller says which pairs count.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from feedback_model.traits import MAX_SCORE, MIN_SCORE, SCORES

Scores = NDArray[np.float64]
"""Scores 1..10 as floats: predictions may be expectations, and NaN stands for an output that is not strictly valid."""


def mean_squared_error(labels: Scores, predictions: Scores) -> float | None:
    """Mean of (prediction - label) squared, in score points squared."""
    return float(np.mean((predictions - labels) ** 2)) if labels.size else None


def mean_absolute_error(labels: Scores, predictions: Scores) -> float | None:
    """Mean distance, in score points."""
    return float(np.mean(np.abs(predictions - labels))) if labels.size else None


def bias(labels: Scores, predictions: Scores) -> float | None:
    """Mean of prediction - label, in score points: positive where the model flatters."""
    return float(np.mean(predictions - labels)) if labels.size else None


def quadratic_weighted_kappa(labels: Scores, predictions: Scores) -> float | None:
    """Agreement beyond chance, -1 to 1, with squared weights over the ten scores; predictions are rounded.

    None where it is not defined: no pairs, or one and the same score throughout.
    """
    if not labels.size:
        return None
    scores = np.array(SCORES)
    weights = (scores[:, None] - scores[None, :]) ** 2
    counts = np.zeros(weights.shape)
    rounded = np.clip(np.rint(predictions), MIN_SCORE, MAX_SCORE).astype(int)
    np.add.at(counts, (labels.astype(int) - MIN_SCORE, rounded - MIN_SCORE), 1)
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    expected = float((weights * by_chance).sum())
    return 1 - float((weights * counts).sum()) / expected if expected else None


def mean_over_traits(values: Sequence[float | None]) -> float | None:
    """The plain mean over traits; None if any trait has no value, since then it would be of other traits."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
