"""Exact tests without a seed, over plain arrays, and the correction for making several of them.

Scores are whole numbers, so differences of squared errors are too, and the whole law of their randomly signed sum can be
computed rather than sampled.
"""

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eval.intervals import number_clusters
from eval.metrics import Scores

_QUARTERS = 4  # a median may be a half, and its squared error a quarter
_GRID = 2**16  # steps that the sum of all differences is divided into where they are no quarters


def sign_flip_p_value(differences: Scores, clusters: Sequence[str]) -> float | None:
    """Compute the two-sided p-value of the sum of `differences`, if each cluster's sum might as well have had the other sign.

    That is so where two models are alike: exchanging their answers on a document then changes nothing in law. Exact for
    multiples of a quarter; others (real-valued predictions) are first rounded to 2^-16 of their total. None without
    differences. Takes time in proportion to the clusters times their sum.

    With differences of -1, 0 and 1 and one transcript in each cluster it is McNemar's exact test; where clusters have more,
    McNemar's finds three times too many differences (`benchmarks/test_size.py`), and this does not.
    """
    if not differences.size:
        return None
    sums = _in_whole_units(np.bincount(number_clusters(clusters), weights=differences).astype(np.float64))
    # With T the sum of the sizes that are given a plus, the signed sum is 2 T - total, and T is symmetric about total / 2.
    total, observed = int(np.abs(sums).sum()), abs(int(sums.sum()))
    if not observed:
        return 1.0
    law = _law_of_subset_sums(np.sort(np.abs(sums)), (total - observed) // 2)
    return min(1.0, max(2 * float(law.sum()), sys.float_info.min))  # too small for a float is still not zero


def _in_whole_units(sums: Scores) -> NDArray[np.int64]:
    exact = sums * _QUARTERS
    units = np.rint(exact)
    if not np.array_equal(units, exact):
        units = np.rint(sums * (_GRID / np.abs(sums).sum()))
    whole = units[units != 0].astype(np.int64)
    return whole // max(1, int(np.gcd.reduce(whole)))


def _law_of_subset_sums(sizes: NDArray[np.int64], highest: int) -> Scores:
    """Compute the chance of each sum 0..`highest`, if every one of the ascending `sizes` is added by the toss of a coin."""
    law = np.zeros(highest + 1)
    law[0] = 1.0
    reached = 0  # the largest sum that is possible so far
    for size in sizes.tolist():
        added = law[: max(0, min(reached, highest - size) + 1)] * 0.5
        reached = min(highest, reached + size)
        law[: reached + 1] *= 0.5
        law[size : size + len(added)] += added
    return law


def adjust_by_holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct the p-values by Holm's step-down procedure, in their order; None is no test and does not count."""
    tested = sorted((p_value, place) for place, p_value in enumerate(p_values) if p_value is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for done, (p_value, place) in enumerate(tested):
        highest = max(highest, min(1.0, p_value * (len(tested) - done)))
        adjusted[place] = highest
    return adjusted
