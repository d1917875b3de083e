"""The predictor that never reads the transcript: what any model has to beat.

It says each trait's mean over the real transcripts of the train part. Augmented ones are left out: they move the mean
away from what is measured, and a weaker opponent would flatter every model.
"""

from dataclasses import dataclass

import numpy as np

from eval.metrics import Scores, mean_squared_error


@dataclass(frozen=True, slots=True)
class ConstantPredictor:
    """Per-trait constants, in the order of the traits."""

    means: Scores
    medians: Scores

    def mse_per_trait(self, labels: Scores) -> list[float | None]:
        """MSE of always saying the mean, per trait; `labels` has one row per transcript."""
        constants = np.broadcast_to(self.means, labels.shape)
        return [mean_squared_error(column, constant) for column, constant in zip(labels.T, constants.T, strict=True)]


def fit_constant(train_labels: Scores) -> ConstantPredictor:
    """The constants of a train part, one row per transcript.

    Raises:
        ValueError: there are no rows.
    """
    if not train_labels.size:
        raise ValueError("no train labels to take a mean of")
    return ConstantPredictor(train_labels.mean(axis=0), np.median(train_labels, axis=0))
