"""Intervals of a mean whose observations come in clusters, over plain arrays.

Segments of one document resemble each other, so the document (`source_id`) is the unit that was sampled. The variance is
the usual cluster-robust one with the correction C/(C-1) for C clusters: Miller, Adding Error Bars to Evals (arXiv
2411.00640), equation 4. The quantile is Student's, with one degree of freedom less than the effective number of clusters of
Carter, Schnepel and Steigerwald (Review of Economics and Statistics 99, 2017), which is C where clusters are of one size.
What this covers, and where it falls short, is measured in `benchmarks/interval_coverage.py`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.metrics import Scores

LEVEL = 0.95


class Interval(NamedTuple):
    """Two-sided interval."""

    low: float
    high: float


class Estimate(NamedTuple):
    """Mean with its standard error."""

    mean: float
    standard_error: float
    freedom: float
    """Degrees of freedom: the effective number of clusters less one."""
    skewness: float
    """Of the mean's error: that of what each cluster adds to it, over the root of the number of clusters."""

    @property
    def interval(self) -> Interval:
        """The two-sided interval around the mean, of confidence `LEVEL`."""
        return self.interval_at(LEVEL)

    def interval_at(self, level: float) -> Interval:
        """Compute the two-sided interval around the mean, of confidence `level`."""
        reach = self._quantile(level) * self.standard_error
        return Interval(self.mean - reach, self.mean + reach)

    def skewed_interval(self) -> Interval:
        """Compute the interval for observations with a long upper tail, such as squared errors: it reaches further up.

        Hall, On the Removal of Skewness by Transformation (Journal of the Royal Statistical Society B 54, 1992), with
        Student's quantile. For differences of errors, which are nearly symmetric, it is worse than the plain interval.
        """
        quantile = self._quantile(LEVEL)
        low, high = (self.standard_error * self._with_skewness(each) for each in (quantile, -quantile))
        return Interval(self.mean - low, self.mean - high)

    def chance_of_reaching(self, margin: float) -> float:
        """Compute the one-sided p-value of a true mean of `margin` or more: small where it is shown to stay below."""
        from scipy.special import stdtr

        if not self.standard_error:
            return float(self.mean >= margin)
        return float(stdtr(self.freedom, (self.mean - margin) / self.standard_error))

    def _quantile(self, level: float) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, (1 + level) / 2))

    def _with_skewness(self, quantile: float) -> float:
        """Solve Hall's g(t) = t + a s t^2 + (a s)^2 t^3 / 3 + b s for t, with a = 1/3, b = 1/6 and s the skewness."""
        shifted = quantile - self.skewness / 6
        root = float(np.cbrt(1 + self.skewness * shifted))
        return 3 * shifted / (root**2 + root + 1)  # 3 (root - 1) / s, without dividing by an s of zero


def number_clusters(clusters: Sequence[str]) -> NDArray[np.intp]:
    """Number the clusters from 0, one number for each observation."""
    return np.unique(np.asarray(clusters, dtype=str), return_inverse=True)[1]


def estimate_mean(values: Scores, clusters: Sequence[str]) -> Estimate | None:
    """Estimate the mean of `values`, of which the i-th belongs to cluster `clusters[i]`, with its standard error.

    None where fewer than two clusters, in effect, leave nothing to measure spread by: ninety segments of one document and
    one of another are not two documents.
    """
    membership = number_clusters(clusters)
    sizes = np.bincount(membership).astype(np.float64)
    effective = float((sizes**2).sum() ** 2 / (sizes**4).sum()) if values.size else 0.0
    if effective < 2:
        return None
    mean, n_clusters = values.mean(), sizes.size
    deviations = np.bincount(membership, weights=values - mean)
    spread = float((deviations**2).sum())
    variance = n_clusters / (n_clusters - 1) * spread / values.size**2
    skewness = float((deviations**3).sum()) / spread**1.5 if spread else 0.0
    return Estimate(float(mean), variance**0.5, effective - 1, skewness)


def estimate_share_difference(differences: Scores, clusters: Sequence[str]) -> Estimate | None:
    """Estimate the mean of paired differences of -1, 0 and 1, with an error that is not zero where hardly any differ.

    Two observations are added, one for each side, as documents of their own: Bonett and Price, Adjusted Wald Confidence
    Interval for a Difference of Binomial Proportions Based on Paired Data (Journal of Educational and Behavioral Statistics
    37, 2012). The mean is therefore drawn a little towards zero. Without them, two models that are both nearly always valid
    would seem to be known to be alike (`benchmarks/test_size.py`). None where `estimate_mean` is.
    """
    if estimate_mean(differences, clusters) is None:
        return None
    documents = [str(number) for number in number_clusters(clusters)]
    return estimate_mean(np.append(differences, (1.0, -1.0)), [*documents, "only the first", "only the second"])


def error_interval(errors: Scores, clusters: Sequence[str]) -> Interval | None:
    """Estimate the interval of the mean of squared errors or variances, never below zero; None with too few clusters."""
    estimate = estimate_mean(errors, clusters)
    if estimate is None:
        return None
    low, high = estimate.skewed_interval()
    return Interval(max(0.0, low), high)


def estimate_share(successes: float, total: float, level: float = LEVEL) -> Interval | None:
    """Compute the exact interval of a share, Clopper-Pearson: never narrower than promised. None without observations.

    Observations count as independent: see `clustered_share` for segments of documents.
    """
    from scipy.special import betaincinv

    if not total:
        return None
    tail = (1 - level) / 2
    low = float(betaincinv(successes, total - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, total - successes, 1 - tail)) if successes < total else 1.0
    return Interval(low, high)


def clustered_share(successes: NDArray[np.bool_], clusters: Sequence[str], level: float = LEVEL) -> Interval | None:
    """Estimate the interval of the share of `successes`, of which the i-th belongs to cluster `clusters[i]`.

    Clopper-Pearson with as many observations as independent ones would give this standard error, never more than there
    are: Korn and Graubard, Confidence Intervals for Proportions with Small Expected Number of Positive Counts (Survey
    Methodology 24, 1998). With one observation per cluster it is `estimate_share`.
    """
    inflation = _variance_inflation(successes.astype(np.float64), clusters)
    return estimate_share(float(successes.sum()) / inflation, successes.size / inflation, level)


def _variance_inflation(values: Scores, clusters: Sequence[str]) -> float:
    """Compute how many times larger the variance of the mean is than if all were independent; at least once."""
    clustered, alone = estimate_mean(values, clusters), estimate_mean(values, [str(i) for i in range(values.size)])
    if clustered is None and values.size:  # nothing tells how alike they are: each cluster counts once
        return values.size / len(set(clusters))
    if clustered is None or alone is None or not alone.standard_error:
        return 1.0
    return max(1.0, (clustered.standard_error / alone.standard_error) ** 2)
