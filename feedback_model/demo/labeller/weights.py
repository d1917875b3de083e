"""Fitted weights of the offline labeller, as `benchmarks/fit_offline_labeller.py` wrote them, and the raw scores they give."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

CLIPPED: Final = 2.5
"""Standard deviations beyond which a measure says no more."""
FILE: Final = "weights.json"


@dataclass(frozen=True, slots=True)
class Term:
    """A measure with its weight."""

    measure: str
    mean: float
    deviation: float
    """Mean and standard deviation over the texts that it was fitted on."""
    weight: float
    """Raw score per standard deviation."""

    def contribute(self, value: float | None) -> float:
        """Return what a measure of `value` adds to the raw score; nothing where it has no meaning."""
        if value is None:
            return 0.0
        return self.weight * min(max((value - self.mean) / self.deviation, -CLIPPED), CLIPPED)


@dataclass(frozen=True, slots=True)
class TraitWeights:
    """The weighted sum for a trait, and the scale it is read on."""

    terms: tuple[Term, ...]
    intercept: float
    knots: tuple[tuple[float, float], ...]
    """Raw scores, rising, each with the score it stands for; between them the scale is straight."""

    def raw_score(self, measures: Mapping[str, float | None]) -> float:
        """Return the weighted sum over `measures`."""
        return self.intercept + sum(term.contribute(measures[term.measure]) for term in self.terms)

    def on_scale(self, raw: float) -> float:
        """Return the score, 1 to 10 and not yet rounded, that a raw score stands for."""
        return interpolate(raw, self.knots)


def interpolate(at: float, points: Sequence[tuple[float, float]]) -> float:
    """Return the value at `at` of the line through `points`, which rise in their first numbers; beyond them, of the nearest."""
    if at <= points[0][0]:
        return points[0][1]
    for (low, low_value), (high, high_value) in pairwise(points):
        if at <= high:
            return low_value + (high_value - low_value) * (at - low) / (high - low)
    return points[-1][1]


@cache
def trait_weights() -> dict[str, TraitWeights]:
    """Return the fitted weights by trait."""
    document = json.loads(files("feedback_model.demo.labeller").joinpath(FILE).read_text(encoding="utf-8"))
    return {
        trait: TraitWeights(
            tuple(Term(**term) for term in fitted["terms"]),
            fitted["intercept"],
            tuple((raw, score) for raw, score in fitted["knots"]),
        )
        for trait, fitted in document["traits"].items()
    }
