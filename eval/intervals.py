"""Intervals of a mean, where observations come in clusters.

Segments of one document resemble each other, so the document (`source_id`) is the unit that was sampled. The variance is
the usual cluster-robust one with the correction C/(C-1), the quantile Student's t with C-1 degrees of freedom, for C
clusters: Miller, Adding Error Bars to Evals (arXiv 2411.00640), equation 4, with t for the normal quantile.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eval.metrics import Scores

LEVEL = 0.95


class Interval(NamedTuple):
    """A two-sided interval of confidence `LEVEL`."""

    low: float
    high: float


def mean_interval(values: Scores, clusters: Sequence[str]) -> Interval | None:
    """The interval of the mean of `values`, of which the i-th belongs to cluster `clusters[i]`.

    None where fewer than two clusters leave nothing to measure spread by. Of squared errors the lower end may come out
    below zero; it is for the caller to know that they cannot.
    """
    _, membership = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    n_clusters = int(membership.max()) + 1 if values.size else 0
    if n_clusters < 2:
        return None
    from scipy.special import stdtrit

    mean = values.mean()
    deviations = np.bincount(membership, weights=values - mean)
    variance = n_clusters / (n_clusters - 1) * float((deviations**2).sum()) / values.size**2
    reach = float(stdtrit(n_clusters - 1, (1 + LEVEL) / 2)) * variance**0.5
    return Interval(float(mean) - reach, float(mean) + reach)
