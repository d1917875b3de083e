"""Intervals equal scipy's and statsmodels' where those have them, count documents, and never claim less than they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from eval.intervals import (
    Estimate,
    clustered_share,
    error_interval,
    estimate_mean,
    estimate_share,
    estimate_share_difference,
)

squared_errors = st.integers(0, 81).map(float)
samples = st.integers(2, 50).flatmap(lambda n: arrays.arrays(float, n, elements=squared_errors))


def each_its_own(values) -> list[str]:
    return [str(number) for number in range(len(values))]


def in_documents_of(size: int, n: int) -> list[str]:
    return [f"document-{number // size}" for number in range(n)]


@given(samples)
def test_one_transcript_a_document_gives_students_interval(values):
    interval = estimate_mean(values, each_its_own(values)).interval
    error = stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), error) if error else (values.mean(),) * 2
    assert interval == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_clustered_standard_error_equals_that_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    values, documents = rng.integers(0, 82, 60).astype(float), np.sort(rng.integers(0, 15, 60))
    fitted = OLS(values, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": documents}, use_t=True)
    estimate = estimate_mean(values, [str(document) for document in documents])
    assert (estimate.mean, estimate.standard_error) == pytest.approx((fitted.params[0], fitted.bse[0]), abs=1e-12)


def test_with_equal_clusters_the_interval_equals_statsmodels():
    values = np.random.default_rng(1).integers(0, 82, 60).astype(float)
    groups = np.arange(60) // 3
    fitted = OLS(values, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    interval = estimate_mean(values, in_documents_of(3, 60)).interval
    assert interval == pytest.approx(tuple(fitted.conf_int()[0]), abs=1e-12)


def test_clusters_of_unequal_size_count_as_fewer():
    freedom = [estimate_mean(np.arange(8.0), list(documents)).freedom for documents in ("aaabbbcc", "aabbccdd")]
    assert freedom == pytest.approx([(9 + 9 + 4) ** 2 / (81 + 81 + 16) - 1, 3])


def test_a_repeated_cluster_adds_no_certainty():
    values = np.array([1.0, 4.0, 9.0, 2.0])
    once = error_interval(values, list("abcd"))
    assert error_interval(np.repeat(values, 2), list("aabbccdd")) == pytest.approx(once, abs=1e-12)


@pytest.mark.parametrize("documents", ["", "a", "aaaa", "aaaaaaaaab"])
def test_effectively_one_document_has_no_interval(documents):
    values = np.arange(float(len(documents)))
    assert estimate_mean(values, list(documents)) is error_interval(values, list(documents)) is None


@given(st.floats(-3, 3), st.floats(-4, 4))
def test_skewness_is_removed_by_halls_transformation(skewness, quantile):
    """g(t) = t + a s t^2 + (a s)^2 t^3 / 3 + b s, with a = 1/3 and b = 1/6, takes the answer back to the quantile."""
    found = Estimate(0.0, 1.0, 10.0, skewness)._with_skewness(quantile)
    transformed = found + skewness * found**2 / 3 + (skewness / 3) ** 2 * found**3 / 3 + skewness / 6
    assert transformed == pytest.approx(quantile, abs=1e-7)


def test_without_skewness_the_error_interval_is_plain():
    values = np.array([2.0, 3.0, 4.0, 5.0, 6.0])
    plain = estimate_mean(values, each_its_own(values)).interval
    assert error_interval(values, each_its_own(values)) == pytest.approx(plain, abs=1e-12)


def test_a_long_upper_tail_moves_the_interval_up():
    values = np.array([0.0, 1.0, 1.0, 1.0, 4.0, 1.0, 0.0, 36.0])
    plain, found = estimate_mean(values, each_its_own(values)).interval, error_interval(values, each_its_own(values))
    assert plain.low < 0 == found.low < values.mean() < plain.high < found.high


def test_models_that_never_differed_may_still_differ():
    never = estimate_share_difference(np.zeros(30), each_its_own(range(30)))
    assert never.mean == 0 < never.interval.high
    assert never.chance_of_reaching(0.05) > 0.025 > never.chance_of_reaching(0.3)


@given(st.lists(st.sampled_from((-1.0, 0.0, 1.0)), min_size=2, max_size=50))
def test_a_difference_of_shares_has_bonett_prices_error(differences):
    gained, lost, n = differences.count(1.0) + 1, differences.count(-1.0) + 1, len(differences) + 2
    estimate = estimate_share_difference(np.array(differences), each_its_own(differences))
    assert estimate.mean == pytest.approx((gained - lost) / n, abs=1e-12)
    variance = (gained + lost - (gained - lost) ** 2 / n) / n
    assert estimate.standard_error**2 == pytest.approx(variance / (n - 1), abs=1e-12)


def test_one_document_gives_no_difference_of_shares():
    assert estimate_share_difference(np.zeros(9), ["a"] * 9) is None


@given(samples, st.integers(1, 4))
def test_the_error_interval_holds_the_mean_above_zero(values, size):
    interval = error_interval(values, in_documents_of(size, len(values)))
    assert interval is None or 0 <= interval.low <= values.mean() + 1e-9 <= interval.high + 2e-9


@given(st.integers(1, 400).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_of_a_share_equals_statsmodels(counts):
    successes, total = counts
    expected = proportion_confint(successes, total, method="beta")
    assert estimate_share(successes, total) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_one_transcript_a_document_gives_the_exact_interval(valid):
    found = clustered_share(np.array(valid), each_its_own(valid))
    assert found == pytest.approx(estimate_share(sum(valid), len(valid)), abs=1e-12)


def test_documents_that_fail_whole_count_once():
    valid = np.repeat([True] * 27 + [False] * 3, 4)
    found, once = clustered_share(valid, in_documents_of(4, 120)), estimate_share(27, 30)
    assert found == pytest.approx(once, abs=0.01)
    assert found.low < estimate_share(108, 120).low


def test_segments_of_one_document_count_as_one_observation():
    assert clustered_share(np.ones(9, dtype=bool), ["a"] * 9) == estimate_share(1, 1)


def test_a_share_of_nothing_has_no_interval():
    assert estimate_share(0, 0) is clustered_share(np.empty(0, dtype=bool), []) is None
