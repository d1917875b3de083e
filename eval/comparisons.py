"""Paired comparisons of the models of an evaluation, on the same transcripts. Pure: no store, no clock.

Every pair is compared under three measures: MSE with invalid outputs penalised, MSE where both are valid, strict
validity. "Not distinguishable" is an answer; models that are not share a tier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar, get_args

import numpy as np

from eval.exact_tests import adjust_by_holm, sign_flip_p_value
from eval.intervals import Estimate, estimate_mean, estimate_share_difference
from eval.metrics import Mask, Scores, error_range, individual, penalised
from feedback_model.progress import track
from feedback_model.records.evaluation import Comparison, ErrorMeasure, Measure, TraitComparison
from feedback_model.records.training import is_variant
from feedback_model.traits import TRAIT_KEYS

ALPHA = 0.05

MEASURES: tuple[Measure, ...] = get_args(Measure)

ERROR_MEASURES: tuple[ErrorMeasure, ...] = get_args(ErrorMeasure)

Compared = TypeVar("Compared", Comparison, TraitComparison)

PRIMARY: Measure = "penalised"

MARGINS: Mapping[Measure, float] = {"penalised": 0.5, "common": 0.5, "validity": 0.05}
"""Most that another form of the same weights may cost: half a score point squared, a thirteenth of the 6.5 that fine-tuning
brought in the reference project (8.5 to 2.0) and what being one point off on every second score costs; and one strictly valid
output in twenty. Both kinds must hold, since a penalised output can be a better guess than a bad model's valid one."""


@dataclass(frozen=True, slots=True)
class PairedPredictions:
    """Labels and every model's predictions on the same transcripts, paired by row."""

    labels: Scores
    """One row per transcript, one column per trait."""
    sources: Sequence[str]
    """The document of each transcript."""
    medians: Scores
    """Medians of the train labels, per trait, which an invalid output is scored as."""
    predictions: Mapping[str, Scores]
    """By model in the order of the table; a row of NaN where the output is not strictly valid."""

    def pairs(self) -> list[tuple[str, str]]:
        """List every two models once, the later of the table first."""
        return [(model, other) for other, model in combinations(self.predictions, 2)]

    def error_differences(self, model: str, other: str, measure: ErrorMeasure) -> Scores:
        """Subtract the squared errors of `other` from those of `model`; a row of NaN where one is missing."""
        first, second = self.predictions[model], self.predictions[other]
        if measure == "penalised":
            first, second = penalised(first, self.medians), penalised(second, self.medians)
        return (first - self.labels) ** 2 - (second - self.labels) ** 2

    def sources_of(self, used: Mask) -> list[str]:
        """List the documents of the transcripts in `used`."""
        return [source for source, kept in zip(self.sources, used, strict=True) if kept]


@dataclass(frozen=True, slots=True)
class _Sample:
    """Differences between two models under one measure, one for each transcript that counts."""

    differences: Scores
    estimate: Estimate | None
    p_value: float | None
    bounds: tuple[float, float] | None
    higher_is_better: bool = False


def compare_models(paired: PairedPredictions) -> tuple[Comparison, ...]:
    """Compare every pair of models, the later of the table with the earlier, under every measure.

    Raises:
        Interrupted: a stop was requested.
    """
    pairs = paired.pairs()
    progress = track("compare", len(pairs))
    comparisons: list[Comparison] = []
    for model, other in pairs:
        comparisons += _compare_pair(paired, model, other)
        progress.advance()
    return tuple(each for measure in MEASURES for each in adjust_family(comparisons, measure))


def adjust_family(comparisons: Sequence[Compared], measure: Measure) -> list[Compared]:
    """Apply Holm's correction over those of `comparisons` that are under `measure`, and return them."""
    family = [each for each in comparisons if each.measure == measure]
    adjusted = adjust_by_holm([each.p_value for each in family])
    return [
        replace(each, p_adjusted=p_value, distinguishable=p_value is not None and p_value < ALPHA)
        for each, p_value in zip(family, adjusted, strict=True)
    ]


def _compare_pair(paired: PairedPredictions, model: str, other: str) -> list[Comparison]:
    first, second = paired.predictions[model], paired.predictions[other]
    bounds = _difference_bounds(paired.labels, first, second)
    samples: dict[Measure, _Sample] = {
        measure: _error_sample(paired, paired.error_differences(model, other, measure), bounds)
        for measure in ERROR_MEASURES
    }
    samples["validity"] = _validity_sample(paired, individual(first), individual(second))
    return [_summarise(paired, model, other, measure, sample) for measure, sample in samples.items()]


def _difference_bounds(labels: Scores, first: Scores, second: Scores) -> tuple[float, float] | None:
    """Bound the difference in MSE over all transcripts, whatever the missing outputs would have been."""
    if not labels.size:
        return None
    (low, high), (other_low, other_high) = error_range(labels, first), error_range(labels, second)
    return float((low - other_high).mean()), float((high - other_low).mean())


def _error_sample(paired: PairedPredictions, differences: Scores, bounds: tuple[float, float] | None) -> _Sample:
    used = individual(differences)
    # The test takes the sums over traits, which are whole numbers; readers get the means.
    sums, sources = differences[used].sum(axis=1), paired.sources_of(used)
    means = sums / differences.shape[1]
    return _Sample(means, estimate_mean(means, sources), sign_flip_p_value(sums, sources), bounds)


def _validity_sample(paired: PairedPredictions, first: Mask, second: Mask) -> _Sample:
    differences, sources = first.astype(np.float64) - second.astype(np.float64), paired.sources
    estimate = estimate_share_difference(differences, sources)
    return _Sample(differences, estimate, sign_flip_p_value(differences, sources), None, higher_is_better=True)


def _summarise(paired: PairedPredictions, model: str, other: str, measure: Measure, sample: _Sample) -> Comparison:
    estimate = sample.estimate
    interval = (None, None) if estimate is None else estimate.interval
    margin = MARGINS[measure] if is_variant(model, other) else None
    p_non_inferior = None
    if margin is not None and estimate is not None:
        worse = estimate._replace(mean=-estimate.mean) if sample.higher_is_better else estimate
        p_non_inferior = worse.chance_of_reaching(margin)
    n_total, n_used = len(paired.labels), len(sample.differences)
    return Comparison(
        model=model,
        other=other,
        measure=measure,
        difference=float(sample.differences.mean()) if n_used else None,
        ci_low=interval[0],
        ci_high=interval[1],
        p_value=sample.p_value,
        p_adjusted=sample.p_value,
        distinguishable=False,
        bound_low=None if sample.bounds is None else sample.bounds[0],
        bound_high=None if sample.bounds is None else sample.bounds[1],
        margin=margin,
        p_non_inferior=p_non_inferior,
        n_used=n_used,
        n_total=n_total,
        n_missing=n_total - n_used,
    )


def rank_tiers(errors: Mapping[str, float | None], comparisons: Sequence[Comparison]) -> dict[str, int]:
    """Assign each model a tier by penalised MSE, 1 the best; two models of different tiers are always distinguishable.

    Models are put in order, and a tier ends where every model so far is distinguishable from every later one. Within a
    tier some may be distinguishable, when others stand between them and join them.
    """
    known = sorted((error, model) for model, error in errors.items() if error is not None)
    order = [model for _, model in known]
    alike = {
        frozenset((each.model, each.other))
        for each in comparisons
        if each.measure == PRIMARY and not each.distinguishable
    }
    tiers: dict[str, int] = {}
    tier = 1
    for place, model in enumerate(order):
        before, after = order[:place], order[place:]
        if before and not any(frozenset((one, two)) in alike for one in before for two in after):
            tier += 1
        tiers[model] = tier
    return tiers


def compare_traits(paired: PairedPredictions) -> tuple[TraitComparison, ...]:
    """Compare every pair of models on every trait, the later of the table with the earlier, on the same transcripts.

    Raises:
        Interrupted: a stop was requested.
    """
    pairs = paired.pairs()
    progress = track("compare traits", len(pairs))
    comparisons: list[TraitComparison] = []
    for model, other in pairs:
        for measure in ERROR_MEASURES:
            comparisons += _compare_pair_by_trait(paired, model, other, measure)
        progress.advance()
    return tuple(each for measure in ERROR_MEASURES for each in adjust_family(comparisons, measure))


def _compare_pair_by_trait(
    paired: PairedPredictions, model: str, other: str, measure: ErrorMeasure
) -> list[TraitComparison]:
    differences = paired.error_differences(model, other, measure)
    used = individual(differences)
    sources = paired.sources_of(used)
    return [
        _compare_trait((model, other, measure, trait), column[used], sources, len(used))
        for trait, column in zip(TRAIT_KEYS, differences.T, strict=True)
    ]


def _compare_trait(
    key: tuple[str, str, ErrorMeasure, str], differences: Scores, sources: list[str], n_total: int
) -> TraitComparison:
    estimate = estimate_mean(differences, sources)
    low, high = (None, None) if estimate is None else estimate.interval
    p_value, n_used = sign_flip_p_value(differences, sources), len(differences)
    return TraitComparison(
        *key,
        difference=float(differences.mean()) if n_used else None,
        ci_low=low,
        ci_high=high,
        p_value=p_value,
        p_adjusted=p_value,
        distinguishable=False,
        n_used=n_used,
        n_total=n_total,
        n_missing=n_total - n_used,
    )
