"""Quality of labels, against people's scores and against those of another model or prompt on the same transcripts.

Differences are paired by transcript and their intervals clustered on the document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from eval.comparisons import ALPHA
from eval.exact_tests import adjust_by_holm, sign_flip_p_value
from eval.intervals import estimate_mean
from eval.metrics import Scores, bias, mean_squared_error, quadratic_weighted_kappa, spearman_correlation, within_one
from feedback_model.feedback import LONGEST_EXPLANATION
from feedback_model.records.labels import (
    CheckDirection,
    LabelCheck,
    LabelledTranscript,
    LabellingConfig,
    LabelWording,
    ScorePair,
    SharedLabels,
)
from feedback_model.traits import TRAIT_KEYS


@dataclass(frozen=True, slots=True)
class Agreement:
    """Labels and other scores of the same transcripts, on one trait."""

    trait: str
    n: int
    """Transcripts that have both."""
    difference: float | None
    """Mean of label less the other, in score points: above zero the labels are kinder. None where n is 0, like the next."""
    ci_low: float | None
    """95%, clustered on the document; None with too few."""
    ci_high: float | None
    mse: float | None
    mse_constant: float | None
    """Of the best constant in place of the labels: the mean of the other scores on the same transcripts."""
    qwk: float | None
    """Quadratic weighted kappa; the other scores rounded."""
    spearman: float | None
    within_one: float | None
    p_value: float | None
    """P-value of an exact sign-flip test that the two differ by chance alone."""
    p_adjusted: float | None
    """After Holm, over the six traits."""

    @property
    def distinguishable(self) -> bool:
        """True where the labels are shown to be kinder or stricter."""
        return self.p_adjusted is not None and self.p_adjusted < ALPHA

    @property
    def worse_than_constant(self) -> bool:
        """True where the best constant comes nearer to the other scores than the labels do."""
        return self.mse is not None and self.mse_constant is not None and self.mse > self.mse_constant


def agree(labels: Mapping[str, LabelledTranscript], others: Mapping[str, Mapping[str, float]]) -> tuple[Agreement, ...]:
    """Measure each trait of `labels` against `others`, both by transcript id; the latter may lack traits."""
    measured = [_measure(trait, number, labels, others) for number, trait in enumerate(TRAIT_KEYS)]
    adjusted = adjust_by_holm([each.p_value for each in measured])
    return tuple(replace(each, p_adjusted=p_value) for each, p_value in zip(measured, adjusted, strict=True))


def _measure(
    trait: str, number: int, labels: Mapping[str, LabelledTranscript], others: Mapping[str, Mapping[str, float]]
) -> Agreement:
    both = [name for name in sorted(labels) if trait in others.get(name, {})]
    ours = np.array([labels[name].scores[number] for name in both], dtype=np.float64)
    theirs = np.array([others[name][trait] for name in both], dtype=np.float64)
    low, high = _interval(ours - theirs, [labels[name].source_id for name in both])
    return Agreement(
        trait=trait,
        n=len(both),
        difference=bias(theirs, ours),
        ci_low=low,
        ci_high=high,
        mse=mean_squared_error(theirs, ours),
        mse_constant=float(theirs.var()) if both else None,
        qwk=quadratic_weighted_kappa(np.clip(np.rint(theirs), 1, 10), ours),
        spearman=spearman_correlation(theirs, ours),
        within_one=within_one(theirs, ours),
        p_value=sign_flip_p_value(ours - theirs, [labels[name].source_id for name in both]),
        p_adjusted=None,
    )


def _interval(differences: Scores, sources: Sequence[str]) -> tuple[float | None, float | None]:
    estimate = estimate_mean(differences, sources) if differences.size else None
    return (None, None) if estimate is None else estimate.interval


def scores_of(items: Mapping[str, LabelledTranscript]) -> dict[str, dict[str, float]]:
    """Turn labels into other scores to agree with."""
    return {name: dict(zip(TRAIT_KEYS, map(float, item.scores), strict=True)) for name, item in items.items()}


Verdict = Literal["pass", "fail", "inconclusive"]

FEWEST_PAIRS: Final = 8


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of a check: the effect on a score of a change that must move it one way."""

    name: str
    trait: str
    sentence: str
    n: int
    moved_down: int
    moved_up: int
    difference: float | None
    """Mean of the changed text's score less the original's."""
    ci_low: float | None
    ci_high: float | None
    verdict: Verdict


def judge_check(check: LabelCheck, pairs: Sequence[ScorePair]) -> CheckResult:
    """Judge whether the scores moved as the check demands.

    `lower` passes where the mean difference is shown to be below zero, and fails where it is not below zero at all;
    `not lower` fails where it is shown to be below zero. Few pairs decide nothing.
    """
    differences = np.array([pair.after - pair.before for pair in pairs], dtype=np.float64)
    low, high = _interval(differences, [pair.source_id for pair in pairs])
    mean = float(differences.mean()) if differences.size else None
    return CheckResult(
        name=check.name,
        trait=check.trait,
        sentence=check.sentence,
        n=len(pairs),
        moved_down=int((differences < 0).sum()),
        moved_up=int((differences > 0).sum()),
        difference=mean,
        ci_low=low,
        ci_high=high,
        verdict=_verdict(check.direction, len(pairs), mean, high),
    )


def _verdict(direction: CheckDirection, n: int, mean: float | None, high: float | None) -> Verdict:
    if n < FEWEST_PAIRS or mean is None or high is None:
        return "inconclusive"
    shown_lower = high < 0
    if direction == "not lower":
        return "fail" if shown_lower else "pass"
    return "pass" if shown_lower else "fail" if mean >= 0 else "inconclusive"


@dataclass(frozen=True, slots=True)
class Drift:
    """Differences between the labels of two labelling configs."""

    other: LabellingConfig
    agreement: tuple[Agreement, ...]
    """One for each trait; a difference above zero means that the other config scores lower."""

    @property
    def moved(self) -> tuple[Agreement, ...]:
        """The traits that are shown to have moved."""
        return tuple(each for each in self.agreement if each.distinguishable)


def measure_drift(shared: SharedLabels) -> Drift:
    """Measure how labels differ from those that another model or prompt gave the same transcripts."""
    return Drift(shared.other, agree(shared.labels, scores_of(shared.other_labels)))


def state_wording(wording: LabelWording) -> str:
    """State how far evidence and explanations are as asked for, in one sentence."""
    if not wording.n_scores:
        return "there are no labels whose evidence could be looked for"
    found = (
        f"{wording.n_found / wording.n_quoted:.1%} of it stands in the transcript"
        if wording.n_quoted
        else "so there is none to look for"
    )
    return (
        f"{wording.n_quoted} of {wording.n_scores} scores quote evidence, {found}; "
        f"{wording.n_long / wording.n_scores:.1%} of the explanations have more than {LONGEST_EXPLANATION} words"
    )


def state_worse_than_constant(agreement: Sequence[Agreement]) -> str | None:
    """State on which traits people's mean would serve better than the labels; None where there are none."""
    worse = ", ".join(each.trait for each in agreement if each.worse_than_constant)
    return f"worse than a constant (people's mean for every transcript): {worse}" if worse else None


def state_drift(labelling_config: LabellingConfig, drift: Drift) -> str | None:
    """State the alarm in one sentence; None where nothing is shown to have moved."""
    moved = ", ".join(f"{each.trait} by {each.difference:+.2f}" for each in drift.moved)
    if not moved:
        return None
    return (
        f"labels of {labelling_config.label_model} ({labelling_config.prompt_version}) "
        f"differ from those of {drift.other.label_model} "
        f"({drift.other.prompt_version}) on {drift.moved[0].n} transcripts that both labelled: {moved}; models trained on one "
        "and measured on the other would seem to have changed (`feedback labels drift` has the intervals)"
    )
