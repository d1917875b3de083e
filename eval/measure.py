"""The figures of an evaluation, computed from labels and outputs in memory. Pure: no store, no clock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from eval.comparisons import PairedPredictions, compare_models, compare_traits, rank_tiers
from eval.intervals import Interval, clustered_share, error_interval
from eval.metrics import (
    Mask,
    Scores,
    bias,
    bounds,
    common,
    individual,
    macro_mean_squared_error,
    mean_absolute_error,
    mean_over_traits,
    mean_squared_error,
    penalised,
    quadratic_weighted_kappa,
    spearman_correlation,
    within_one,
)
from eval.panel import Panel
from feedback_model.records.evaluation import (
    SUBSETS,
    Evaluation,
    JudgedOutput,
    Metric,
    MetricResult,
    ModelResult,
    NoiseFloor,
    Subset,
    TraitConstant,
    TraitResult,
)
from feedback_model.records.labels import RelabelledTranscript
from feedback_model.records.training import is_epoch, model_order
from feedback_model.records.transcripts import Split
from feedback_model.traits import TRAIT_KEYS

METRICS: Mapping[Metric, Callable[[Scores, Scores], float | None]] = {
    "mae": mean_absolute_error,
    "bias": bias,
    "qwk": quadratic_weighted_kappa,
    "spearman": spearman_correlation,
    "within_one": within_one,
    "mse_macro": macro_mean_squared_error,
}


def measure_constants(panel: Panel) -> tuple[TraitConstant, ...]:
    """Measure the constant predictor on the panel."""
    mses = panel.constant.mse_per_trait(panel.labels)
    return tuple(
        TraitConstant(trait, float(mean), float(median), mse)
        for trait, mean, median, mse in zip(TRAIT_KEYS, panel.constant.means, panel.constant.medians, mses, strict=True)
        if mse is not None
    )


def measure_models(panel: Panel, names: Mapping[str, tuple[str, str]]) -> list[ModelResult]:
    """Measure every model; no epoch is chosen yet.

    Args:
        names: inference id and model id by model.
    """
    predictions = {model: panel.predictions(model) for model in panel.outputs}
    shared = common(predictions.values())
    return [
        _measure_model(panel, model, inference_id, model_id, predictions[model], shared)
        for model, (inference_id, model_id) in names.items()
    ]


def _measure_model(
    panel: Panel, model: str, inference_id: str, model_id: str, predictions: Scores, shared: Mask
) -> ModelResult:
    used = _subsets(panel, predictions, shared)
    traits = {subset: _measure_traits(panel, subset, *used[subset]) for subset in SUBSETS}
    lower, upper = bounds(panel.labels, predictions) or (None, None)
    strict, extractable, repairable = _nested_counts(panel.outputs[model])
    alone = used["individual"][1]
    result = ModelResult(
        model=model,
        inference_id=inference_id,
        model_id=model_id,
        valid_strict=strict,
        valid_extractable=extractable,
        valid_repairable=repairable,
        n_common=int(shared.sum()),
        mse_common=_overall(traits["common"]),
        n_individual=int(alone.sum()),
        mse_individual=_overall(traits["individual"]),
        mse_penalised=_overall(traits["penalised"]),
        mse_lower=lower,
        mse_upper=upper,
        is_best_epoch=False,
        traits=tuple(trait for subset in SUBSETS for trait in traits[subset]),
        metrics=(
            *_measure_metrics(panel, "common", predictions, shared),
            *_measure_metrics(panel, "individual", predictions, alone),
        ),
    )
    intervals = {f"mse_{subset}": _overall_interval(panel, *used[subset]) for subset in SUBSETS}
    return replace(result, **_ends(intervals | {"validity": clustered_share(alone, panel.sources())}))


def _subsets(panel: Panel, predictions: Scores, shared: Mask) -> dict[Subset, tuple[Scores, Mask]]:
    """Select, for each subset, the predictions that count and the transcripts that are averaged over."""
    alone = individual(predictions)
    return {
        "common": (predictions, shared),
        "individual": (predictions, alone),
        "penalised": (penalised(predictions, panel.constant.medians), np.ones_like(alone)),
    }


def _nested_counts(outputs: Sequence[JudgedOutput]) -> tuple[int, int, int]:
    """Count the outputs that are strictly valid, at least extractable, and at least repairable."""
    tiers = [output.tier for output in outputs]
    strict, extractable, repairable = accumulate(map(tiers.count, ("strict", "extractable", "repairable")))
    return strict, extractable, repairable


def _overall_interval(panel: Panel, predictions: Scores, mask: Mask) -> Interval | None:
    """Estimate the interval of the mean over traits; the six errors of a transcript belong together and are averaged first."""
    errors = ((predictions[mask] - panel.labels[mask]) ** 2).mean(axis=1)
    return error_interval(errors, panel.sources(mask))


def _ends(intervals: Mapping[str, Interval | None]) -> dict[str, float | None]:
    ends = {name: interval or (None, None) for name, interval in intervals.items()}
    return {
        f"{name}_{end}": value for name, pair in ends.items() for end, value in zip(("low", "high"), pair, strict=True)
    }


def _overall(traits: Sequence[TraitResult]) -> float | None:
    return mean_over_traits([trait.mse for trait in traits])


def _measure_metrics(panel: Panel, subset: Subset, predictions: Scores, mask: Mask) -> list[MetricResult]:
    labels, predictions = panel.labels[mask], predictions[mask]
    n_total, n_used = len(panel.items), len(labels)
    return [
        MetricResult(
            trait, subset, metric, measure(labels[:, column], predictions[:, column]), n_used, n_total, n_total - n_used
        )
        for column, trait in enumerate(TRAIT_KEYS)
        for metric, measure in METRICS.items()
    ]


def _measure_traits(panel: Panel, subset: Subset, predictions: Scores, mask: Mask) -> list[TraitResult]:
    labels, predictions = panel.labels[mask], predictions[mask]
    sources = panel.sources(mask)
    return [
        _measure_trait(trait, subset, labels[:, column], predictions[:, column], sources, len(panel.items))
        for column, trait in enumerate(TRAIT_KEYS)
    ]


def _measure_trait(
    trait: str, subset: Subset, labels: Scores, predictions: Scores, sources: Sequence[str], n_total: int
) -> TraitResult:
    low, high = error_interval((predictions - labels) ** 2, sources) or (None, None)
    return TraitResult(
        trait=trait,
        subset=subset,
        mse=mean_squared_error(labels, predictions),
        ci_low=low,
        ci_high=high,
        n_used=len(labels),
        n_total=n_total,
        n_missing=n_total - len(labels),
    )


def measure_panel(
    unmeasured: Evaluation, panel: Panel, names: Mapping[str, tuple[str, str]], best_epoch: str | None
) -> Evaluation:
    """Fill `unmeasured` with every figure that follows from `panel`; nothing is read or written.

    Args:
        names: inference id and model id by model.
        best_epoch: as for `evaluate`.
    """
    paired = _pair_predictions(panel)
    results, comparisons = measure_models(panel, names), compare_models(paired)
    tiers = rank_tiers({result.model: result.mse_penalised for result in results}, comparisons)
    ranked = [replace(result, tier=tiers.get(result.model)) for result in results]
    constants = measure_constants(panel)
    return replace(
        unmeasured,
        n_test=len(panel.items),
        mse_constant=mean_over_traits([constant.mse for constant in constants]),
        models=_with_best_epoch(ranked, unmeasured.split, best_epoch),
        constants=constants,
        comparisons=comparisons,
        trait_comparisons=compare_traits(paired),
    )


def _pair_predictions(panel: Panel) -> PairedPredictions:
    predictions = {model: panel.predictions(model) for model in sorted(panel.outputs, key=model_order)}
    return PairedPredictions(panel.labels, panel.sources(), panel.constant.medians, predictions)


def choose_best_epoch(validation: Evaluation) -> str | None:
    """Choose the epoch with the lowest worst-case MSE, the earlier of equals; None if no epoch was measured.

    The worst case, not the penalty: an invalid output is of no use to anyone, yet the train median it is penalised with can be a
    better guess than a young epoch's valid answers, and an epoch must not win by staying silent.
    """
    return _best_epoch(validation.models)


def _best_epoch(results: Iterable[ModelResult]) -> str | None:
    # min keeps the first of equals, and epochs stand in their order
    epochs = [(result.mse_upper, result.model) for result in results if is_epoch(result.model)]
    measured = [(mse, model) for mse, model in epochs if mse is not None]
    return min(measured, key=lambda epoch: epoch[0])[1] if measured else None


def _with_best_epoch(results: list[ModelResult], split: Split, best_epoch: str | None) -> tuple[ModelResult, ...]:
    best = _best_epoch(results) if split == "validation" else best_epoch
    return tuple(replace(result, is_best_epoch=result.model == best) for result in results)


Variances = NDArray[np.float64]


def label_variances(items: Sequence[RelabelledTranscript]) -> Variances:
    """Compute the unbiased variance of each transcript's labels; one row per transcript, one column per trait."""
    rows = [np.var(np.array(item.labels, dtype=np.float64), axis=0, ddof=1) for item in items]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(TRAIT_KEYS))


def measure_noise_floor(items: Iterable[RelabelledTranscript], n_labelled: int) -> tuple[NoiseFloor, ...]:
    """Measure the floor of each trait, and of the mean over traits under the name `all`; empty without relabelled transcripts.

    Intervals are clustered on the document, as every interval here.

    Args:
        n_labelled: transcripts that could have been labelled again.
    """
    items = [item for item in items if len(item.labels) > 1]
    if not items:
        return ()
    variances, sources = label_variances(items), [item.source_id for item in items]
    columns: Mapping[str, Variances] = {
        "all": variances.mean(axis=1),
        **{trait: variances[:, column] for column, trait in enumerate(TRAIT_KEYS)},
    }
    return tuple(_floor(name, values, error_interval(values, sources), n_labelled) for name, values in columns.items())


def _floor(trait: str, variances: Variances, interval: Interval | None, n_labelled: int) -> NoiseFloor:
    low, high = interval or (None, None)
    n_used = len(variances)
    return NoiseFloor(trait, float(variances.mean()), low, high, n_used, n_labelled, n_labelled - n_used)


def choose_serving(validations: Sequence[Evaluation]) -> Evaluation:
    """Choose the way of asking that the best epoch would serve with: the one whose own best epoch has the least bound of the MSE.

    The bound counts outputs that say nothing valid at the worst that they may be; their silence gains a model nothing.

    Args:
        validations: one a way of asking, the preferred first: it wins where figures are alike, or none has any.
    """

    def bound(evaluation: Evaluation) -> float:
        best = evaluation.best_epoch
        return float("inf") if best is None or best.mse_upper is None else best.mse_upper

    return min(validations, key=bound)
