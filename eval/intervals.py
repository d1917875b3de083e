"""Intervals of a mean, where observations come in clusters.

Segments of one document resemble each other, so the document (`source_id`) is the unit that was sampled. The variance is
the usual cluster-robust one with the correction C/(C-1), the quantile Student's t with C-1 degrees of freedom, for C
clusters: Miller, Adding Error Bars to Evals (arXiv 2411.00640), equation 4, with t for the normal quantile.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.metrics import Scores

LEVEL = 0.95


class Interval(NamedTuple):
    """A two-sided interval of confidence `LEVEL`."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A mean with what is known of its error."""

    mean: float
    standard_error: float
    freedom: int
    """Degrees of freedom: clusters less one."""

    @property
    def interval(self) -> Interval:
        """The two-sided interval around the mean."""
        from scipy.special import stdtrit

        reach = float(stdtrit(self.freedom, (1 + LEVEL) / 2)) * self.standard_error
        return Interval(self.mean - reach, self.mean + reach)

    def chance_of_reaching(self, margin: float) -> float:
        """One-sided p-value of the mean's truly being `margin` or more: small where it is shown to stay below."""
        from scipy.special import stdtr

        if not self.standard_error:
            return float(self.mean >= margin)
        return float(stdtr(self.freedom, (self.mean - margin) / self.standard_error))


def number_clusters(clusters: Sequence[str]) -> NDArray[np.intp]:
    """The cluster of each observation as a number from 0."""
    return np.unique(np.asarray(clusters, dtype=str), return_inverse=True)[1]


def estimate_mean(values: Scores, clusters: Sequence[str]) -> Estimate | None:
    """The mean of `values`, of which the i-th belongs to cluster `clusters[i]`, with its standard error.

    None where fewer than two clusters leave nothing to measure spread by.
    """
    membership = number_clusters(clusters)
    n_clusters = int(membership.max()) + 1 if values.size else 0
    if n_clusters < 2:
        return None
    mean = values.mean()
    deviations = np.bincount(membership, weights=values - mean)
    variance = n_clusters / (n_clusters - 1) * float((deviations**2).sum()) / values.size**2
    return Estimate(float(mean), variance**0.5, n_clusters - 1)


def mean_interval(values: Scores, clusters: Sequence[str]) -> Interval | None:
    """The interval of the mean of `values`; None with fewer than two clusters.

    Of squared errors the lower end may come out below zero; it is for the caller to know that they cannot.
    """
    estimate = estimate_mean(values, clusters)
    return None if estimate is None else estimate.interval


def estimate_share(successes: int, total: int) -> Interval | None:
    """The exact interval of a share, Clopper-Pearson: never narrower than promised. None without observations.

    Observations count as independent: of several segments of one document it is too narrow by what they share.
    """
    from scipy.special import betaincinv

    if not total:
        return None
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(successes, total - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, total - successes, 1 - tail)) if successes < total else 1.0
    return Interval(low, high)
