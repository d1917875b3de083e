"""Any two models of an evaluation against each other on each trait. Pure: no store, no clock.

The family that Holm's correction is over is all pairs and all traits under one measure.
"""

from eval.comparisons import ERROR_MEASURES, Contestants, adjust_family
from eval.exact_tests import sign_flip_p_value
from eval.intervals import estimate_mean
from eval.metrics import Scores
from eval.subsets import individual
from feedback_model.progress import track
from feedback_model.store.evaluation_records import ErrorMeasure, TraitComparison
from feedback_model.traits import TRAIT_KEYS


def compare_traits(contestants: Contestants) -> tuple[TraitComparison, ...]:
    """Every pair of models on every trait, the later of the table against the earlier, on the same transcripts.

    Raises:
        Interrupted: a stop was requested.
    """
    pairs = contestants.pairs()
    progress = track("compare traits", len(pairs))
    comparisons: list[TraitComparison] = []
    for model, other in pairs:
        for measure in ERROR_MEASURES:
            comparisons += _compare_pair(contestants, model, other, measure)
        progress.advance()
    return tuple(each for measure in ERROR_MEASURES for each in adjust_family(comparisons, measure))


def _compare_pair(contestants: Contestants, model: str, other: str, measure: ErrorMeasure) -> list[TraitComparison]:
    differences = contestants.error_differences(model, other, measure)
    used = individual(differences)
    sources = contestants.sources_of(used)
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
