"""Metrics and subsets agree with scikit-learn, scipy and first principles to 1e-12."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from sklearn import metrics as oracle

from eval.metrics import (
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
from eval.panel import fit_constant

scores = st.integers(1, 10).map(float)
pairs = st.integers(1, 40).flatmap(
    lambda n: st.tuples(arrays.arrays(float, n, elements=scores), arrays.arrays(float, n, elements=scores))
)
tables = st.integers(1, 12).flatmap(lambda n: arrays.arrays(float, (n, 6), elements=scores))
NOTHING = np.empty(0)


@given(pairs)
def test_errors_equal_scikit_learns(pair):
    labels, predictions = pair
    assert mean_squared_error(labels, predictions) == pytest.approx(
        oracle.mean_squared_error(labels, predictions), abs=1e-12
    )
    assert mean_absolute_error(labels, predictions) == pytest.approx(
        oracle.mean_absolute_error(labels, predictions), abs=1e-12
    )
    assert bias(labels, predictions) == pytest.approx(predictions.mean() - labels.mean(), abs=1e-12)


@given(pairs)
def test_kappa_equals_scikit_learns_where_it_is_defined(pair):
    labels, predictions = pair
    kappa = quadratic_weighted_kappa(labels, predictions)
    if len(set(labels) | set(predictions)) == 1:
        assert kappa is None
    else:
        expected = oracle.cohen_kappa_score(labels, predictions, weights="quadratic", labels=range(1, 11))
        assert kappa == pytest.approx(expected, abs=1e-12)


@given(pairs)
def test_spearman_equals_scipys_where_both_sides_vary(pair):
    labels, predictions = pair
    correlation = spearman_correlation(labels, predictions)
    if len(set(labels)) == 1 or len(set(predictions)) == 1:
        assert correlation is None
    else:
        assert correlation == pytest.approx(stats.spearmanr(labels, predictions).statistic, abs=1e-12)


@given(pairs)
def test_within_one_is_a_count(pair):
    labels, predictions = pair
    near = sum(abs(label - said) <= 1 for label, said in zip(labels, predictions, strict=True))
    assert within_one(labels, predictions) == pytest.approx(near / len(labels), abs=1e-12)


@given(pairs)
def test_the_macro_error_weighs_every_score_alike(pair):
    labels, predictions = pair
    per_score = [oracle.mean_squared_error(labels[labels == s], predictions[labels == s]) for s in set(labels)]
    assert macro_mean_squared_error(labels, predictions) == pytest.approx(np.mean(per_score), abs=1e-12)


def test_many_random_tables_equal_the_libraries():
    rng = np.random.default_rng(7)
    for size in (2, 3, 10, 120) * 50:
        labels, predictions = rng.integers(rng.integers(1, 9), 10, (2, size), endpoint=True).astype(float)
        weights = 1 / np.array([np.sum(labels == label) for label in labels])
        macro = oracle.mean_squared_error(labels, predictions, sample_weight=weights)
        assert macro_mean_squared_error(labels, predictions) == pytest.approx(macro, abs=1e-12)
        if np.ptp(labels) and np.ptp(predictions):
            ranked = stats.spearmanr(labels, predictions).statistic
            assert spearman_correlation(labels, predictions) == pytest.approx(ranked, abs=1e-12)
            kappa = oracle.cohen_kappa_score(labels, predictions, weights="quadratic", labels=range(1, 11))
            assert quadratic_weighted_kappa(labels, predictions) == pytest.approx(kappa, abs=1e-12)


ALL_METRICS = [
    mean_squared_error,
    mean_absolute_error,
    bias,
    quadratic_weighted_kappa,
    spearman_correlation,
    within_one,
    macro_mean_squared_error,
]


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_the_mean_of_nothing_is_none(metric):
    assert metric(NOTHING, NOTHING) is None


def test_the_mean_over_traits_needs_every_trait():
    assert mean_over_traits([1.0, 2.0]) == 1.5
    assert mean_over_traits([1.0, None]) is None
    assert mean_over_traits([]) is None


def with_missing(predictions, missing):
    return np.where(np.array(missing)[: len(predictions), None], np.nan, predictions)


masks = st.lists(st.booleans(), min_size=12, max_size=12)


@given(tables, masks, masks)
def test_the_common_subset_is_where_all_are_valid(predictions, first, second):
    models = [with_missing(predictions, first), with_missing(predictions, second)]
    expected = [not (a or b) for a, b in zip(first, second, strict=True)][: len(predictions)]
    assert common(models).tolist() == expected
    assert individual(models[0]).tolist() == [not a for a in first][: len(predictions)]


@given(tables, masks, st.randoms())
def test_any_missing_score_lies_within_the_bounds(labels, missing, rng):
    predictions = with_missing(np.full_like(labels, 5.0), missing)
    lower, upper = bounds(labels, predictions)
    guess = np.where(
        np.isnan(predictions), np.array([[rng.randint(1, 10) for _ in range(6)] for _ in labels]), predictions
    )
    assert lower - 1e-12 <= oracle.mean_squared_error(labels, guess) <= upper + 1e-12


@given(tables)
def test_without_missing_outputs_penalty_and_bounds_change_nothing(labels):
    predictions = np.full_like(labels, 5.0)
    mse = oracle.mean_squared_error(labels, predictions)
    assert bounds(labels, predictions) == pytest.approx((mse, mse), abs=1e-12)
    assert np.array_equal(penalised(predictions, np.ones(6)), predictions)


def test_an_invalid_output_is_scored_as_the_median():
    filled = penalised(np.array([[np.nan] * 6, [3.0] * 6]), np.arange(1.0, 7.0))
    assert filled.tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3.0] * 6]


@given(tables)
def test_the_constant_predictor_scores_its_labels_variance(labels):
    assert fit_constant(labels).mse_per_trait(labels) == pytest.approx(labels.var(axis=0), abs=1e-12)
