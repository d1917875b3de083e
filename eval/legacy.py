"""One evaluation by the reference project's rules, beside ours: what its way of counting would have published.

Its figures are the mean over traits of the MSE on outputs that its validator lets through, of one model (individual) or of
all (common); it has no intervals and counts nothing for what is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.measuring import as_scores
from eval.metrics import Scores, mean_squared_error
from eval.report.table import find_evaluation
from eval.subsets import Mask, common, individual
from feedback_model.parsing.legacy import judge_as_reference
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.evaluation_records import LabelledItem
from feedback_model.store.judgements import labelled_items
from feedback_model.store.outputs import read_outputs
from feedback_model.traits import TRAIT_KEYS


@dataclass(frozen=True, slots=True)
class LegacyRow:
    """One model under both sets of rules. Every MSE is in score points squared, None where there was nothing to average."""

    model: str
    n_test: int
    valid_strict: int
    valid_legacy: int
    mse_individual: float | None
    mse_individual_legacy: float | None
    mse_common: float | None
    n_common: int
    mse_common_legacy: float | None
    n_common_legacy: int


def compare_with_legacy(store: Store, evaluation_id: str | None = None) -> tuple[LegacyRow, ...]:
    """Every model of one evaluation, by default of the newest on the test split, read by both sets of rules.

    Raises:
        MissingStage: there is no such evaluation.
    """
    evaluation = find_evaluation(store, evaluation_id)
    items = labelled_items(store, read_dataset(store, evaluation.dataset_id), evaluation.split)
    labels = as_scores([item.scores for item in items])
    read = {result.model: _read(store, result.inference_id, items) for result in evaluation.models}
    legacy = measure_as_reference(labels, read)
    return tuple(
        LegacyRow(
            model=result.model,
            n_test=evaluation.n_test,
            valid_strict=result.valid_strict,
            valid_legacy=int(individual(read[result.model]).sum()),
            mse_individual=result.mse_individual,
            mse_individual_legacy=legacy[result.model][0],
            mse_common=result.mse_common,
            n_common=result.n_common,
            mse_common_legacy=legacy[result.model][1],
            n_common_legacy=int(common(read.values()).sum()),
        )
        for result in evaluation.models
    )


def measure_as_reference(
    labels: Scores, predictions: Mapping[str, Scores]
) -> dict[str, tuple[float | None, float | None]]:
    """Individual and common MSE of each model; a row of NaN in `predictions` is an output that is left out."""
    shared = common(predictions.values())
    return {
        model: (_mean_of_traits(labels, said, individual(said)), _mean_of_traits(labels, said, shared))
        for model, said in predictions.items()
    }


def _mean_of_traits(labels: Scores, said: Scores, mask: Mask) -> float | None:
    # Every trait has as many errors, so the mean over traits of their means is the mean of all.
    return mean_squared_error(labels[mask], said[mask])


def _read(store: Store, inference_id: str, items: Sequence[LabelledItem]) -> Scores:
    raw = {output.transcript_id: output.raw for output in read_outputs(store, inference_id)}
    nothing = (np.nan,) * len(TRAIT_KEYS)
    return as_scores([judge_as_reference(raw.get(item.transcript_id, b"")) or nothing for item in items])
