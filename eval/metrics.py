"""Metrics of scores against labels, over plain arrays. The mean of nothing is None, never zero.

The caller chooses the pairs that count, by the subsets at the end.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from feedback_model.traits import MAX_SCORE, MIN_SCORE, SCORES

Scores = NDArray[np.float64]
"""Scores 1..10 as floats: predictions may be expectations, and NaN stands for an output that is not strictly valid."""


def mean_squared_error(labels: Scores, predictions: Scores) -> float | None:
    """Compute the mean of (prediction - label) squared, in score points squared."""
    return float(np.mean((predictions - labels) ** 2)) if labels.size else None


def mean_absolute_error(labels: Scores, predictions: Scores) -> float | None:
    """Compute the mean distance, in score points."""
    return float(np.mean(np.abs(predictions - labels))) if labels.size else None


def bias(labels: Scores, predictions: Scores) -> float | None:
    """Compute the mean of prediction - label, in score points: positive where the model flatters."""
    return float(np.mean(predictions - labels)) if labels.size else None


def quadratic_weighted_kappa(labels: Scores, predictions: Scores) -> float | None:
    """Compute the agreement beyond chance, -1 to 1, with squared weights over the ten scores; predictions are rounded.

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


def spearman_correlation(labels: Scores, predictions: Scores) -> float | None:
    """Correlate ranks, -1 to 1, ties at their middle rank; None where labels or predictions do not vary."""
    if not labels.size:
        return None
    first, second = _centred_ranks(labels), _centred_ranks(predictions)
    spread = float(first @ first) * float(second @ second)
    return max(-1.0, min(1.0, float(first @ second) / spread**0.5)) if spread else None


def _centred_ranks(values: Scores) -> Scores:
    """Return twice each value's middle rank less twice the mean rank: whole numbers, so that no rounding enters."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    twice_middle = 2 * np.cumsum(counts) - counts + 1
    return (twice_middle[places] - (values.size + 1)).astype(np.float64)


def within_one(labels: Scores, predictions: Scores) -> float | None:
    """Compute the share of predictions at most one point from the label, 0 to 1."""
    return float(np.mean(np.abs(predictions - labels) <= 1)) if labels.size else None


def macro_mean_squared_error(labels: Scores, predictions: Scores) -> float | None:
    """Average the MSE of each score that labels have over those scores: a rare score counts as much as a frequent one.

    It is what augmentation is for; the plain MSE hardly notices scores that hardly occur.
    """
    if not labels.size:
        return None
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return float(np.mean(np.bincount(places, weights=(predictions - labels) ** 2) / counts))


def mean_over_traits(values: Sequence[float | None]) -> float | None:
    """Compute the plain mean over traits; None if any trait has no value, since then it would be of other traits."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


Mask = NDArray[np.bool_]


def individual(predictions: Scores) -> Mask:
    """Select the transcripts that this model answered validly."""
    return np.asarray(~np.isnan(predictions).any(axis=1))


def common(models: Iterable[Scores]) -> Mask:
    """Select the transcripts that every one of `models` answered validly.

    Raises:
        ValueError: there are no models.
    """
    return np.logical_and.reduce([individual(predictions) for predictions in models], axis=0)


def penalised(predictions: Scores, train_medians: Scores) -> Scores:
    """Fill in all transcripts, an invalid output scored as if it had said the train median of each trait."""
    return np.where(np.isnan(predictions), train_medians, predictions)


def error_range(labels: Scores, predictions: Scores) -> tuple[Scores, Scores]:
    """Bound the squared error that each score can have: twice the same number where it is known."""
    missing = np.isnan(predictions)
    known = np.where(missing, 0.0, (predictions - labels) ** 2)
    worst = np.maximum((labels - MIN_SCORE) ** 2, (MAX_SCORE - labels) ** 2)
    return known, np.where(missing, worst, known)


def bounds(labels: Scores, predictions: Scores) -> tuple[float, float] | None:
    """Bound the MSE over all transcripts: each missing score right, and each as wrong as can be."""
    if not labels.size:
        return None
    lowest, highest = error_range(labels, predictions)
    return float(lowest.mean()), float(highest.mean())
