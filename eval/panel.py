"""Labels and the outputs of several models on the same transcripts, and the constant predictor to measure them against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics import Mask, Scores, mean_squared_error
from feedback_model.records.evaluation import JudgedOutput
from feedback_model.records.labels import LabelledTranscript
from feedback_model.traits import TRAIT_KEYS


@dataclass(frozen=True, slots=True)
class ConstantPredictor:
    """Predictor that says the train mean of each trait; arrays in the order of the traits."""

    means: Scores
    medians: Scores

    def mse_per_trait(self, labels: Scores) -> list[float | None]:
        """Compute the MSE of always saying the mean, per trait; `labels` has one row per transcript."""
        constants = np.broadcast_to(self.means, labels.shape)
        return [mean_squared_error(column, constant) for column, constant in zip(labels.T, constants.T, strict=True)]


def fit_constant(train_labels: Scores) -> ConstantPredictor:
    """Take the constants of a train part, one row per transcript.

    Raises:
        ValueError: there are no rows.
    """
    if not train_labels.size:
        raise ValueError("no train labels to take a mean of")
    return ConstantPredictor(train_labels.mean(axis=0), np.median(train_labels, axis=0))


@dataclass(frozen=True, slots=True)
class Panel:
    """Labels and every model's outputs on the same transcripts, in one order."""

    items: tuple[LabelledTranscript, ...]
    outputs: Mapping[str, tuple[JudgedOutput, ...]]
    """By model, in the order of `items`."""
    constant: ConstantPredictor

    @property
    def labels(self) -> Scores:
        """One row per transcript, one column per trait."""
        return as_scores([item.scores for item in self.items])

    def predictions(self, model: str) -> Scores:
        """Return the scores of `model` in the shape of `labels`; a row of NaN where the output is not strictly valid."""
        nothing = (np.nan,) * len(TRAIT_KEYS)
        return as_scores([output.scores or nothing for output in self.outputs[model]])

    def sources(self, mask: Mask | None = None) -> list[str]:
        """List the document of each transcript, of those in `mask` if it is given."""
        return [item.source_id for number, item in enumerate(self.items) if mask is None or mask[number]]


def as_scores(rows: Sequence[Sequence[float]]) -> Scores:
    """Stack rows of six scores into an array, of the right shape even without rows."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(TRAIT_KEYS))
