"""Which transcripts an error is averaged over, and what is assumed about those a model gave no valid output for.

Arrays have one row per transcript and one column per trait; a row of NaN is an output that is not strictly valid.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from eval.metrics import Scores
from feedback_model.traits import MAX_SCORE, MIN_SCORE

Mask = NDArray[np.bool_]


def individual(predictions: Scores) -> Mask:
    """The transcripts that this model answered validly."""
    return np.asarray(~np.isnan(predictions).any(axis=1))


def common(models: Iterable[Scores]) -> Mask:
    """The transcripts that every one of `models` answered validly.

    Raises:
        ValueError: there are no models.
    """
    return np.logical_and.reduce([individual(predictions) for predictions in models], axis=0)


def penalised(predictions: Scores, train_medians: Scores) -> Scores:
    """All transcripts, an invalid output scored as if it had said the train median of each trait."""
    return np.where(np.isnan(predictions), train_medians, predictions)


def error_range(labels: Scores, predictions: Scores) -> tuple[Scores, Scores]:
    """The least and the greatest squared error each score can have: one number where it is known."""
    missing = np.isnan(predictions)
    known = np.where(missing, 0.0, (predictions - labels) ** 2)
    worst = np.maximum((labels - MIN_SCORE) ** 2, (MAX_SCORE - labels) ** 2)
    return known, np.where(missing, worst, known)


def bounds(labels: Scores, predictions: Scores) -> tuple[float, float] | None:
    """The MSE over all transcripts if each missing score were right, and if each were as wrong as can be."""
    if not labels.size:
        return None
    lowest, highest = error_range(labels, predictions)
    return float(lowest.mean()), float(highest.mean())
