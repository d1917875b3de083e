"""Comparisons are exact where they say so, equal to scipy and statsmodels, and never claim what missing outputs could undo."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from eval.comparisons import PairedPredictions, compare_models, compare_traits, rank_tiers
from eval.exact_tests import adjust_by_holm, sign_flip_p_value
from eval.intervals import estimate_mean
from feedback_model.records.evaluation import Comparison

quarters = st.lists(st.integers(-400, 400).map(lambda number: number / 4), min_size=1, max_size=10)


def each_its_own(values) -> list[str]:
    return [str(number) for number in range(len(values))]


def by_enumeration(sums: np.ndarray) -> float:
    """The share of all sign patterns whose sum is at least as far from zero."""
    patterns = np.array(list(product((-1, 1), repeat=len(sums))))
    return float(np.mean(np.abs(patterns @ sums) >= abs(sums.sum())))


@given(quarters)
def test_the_sign_flip_test_equals_full_enumeration(values):
    differences = np.array(values)
    assert sign_flip_p_value(differences, each_its_own(values)) == pytest.approx(by_enumeration(differences), abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 15, 16])
def test_it_does_so_up_to_sixteen_documents(n):
    differences = np.random.default_rng(n).integers(-300, 400, n).astype(float)
    assert sign_flip_p_value(differences, each_its_own(differences)) == pytest.approx(
        by_enumeration(differences), abs=1e-12
    )


def test_real_valued_differences_are_enumerated_within_their_grid():
    differences = np.random.default_rng(3).normal(0.3, 1, 12)
    exact = by_enumeration(differences)
    assert sign_flip_p_value(differences, each_its_own(differences)) == pytest.approx(exact, abs=2e-3)


def test_segments_of_one_document_change_sign_together():
    differences, sources = np.array([3.0, 2.0, -1.0, 4.0, 6.0]), ["a", "a", "b", "c", "c"]
    assert sign_flip_p_value(differences, sources) == by_enumeration(np.array([5.0, -1.0, 10.0]))


def test_no_data_has_no_p_value():
    """Without any difference it is one."""
    assert sign_flip_p_value(np.empty(0), []) is None
    assert sign_flip_p_value(np.zeros(3), ["a", "b", "c"]) == 1.0


def test_overwhelming_evidence_is_tiny_but_not_zero():
    assert sign_flip_p_value(np.ones(200), each_its_own(range(200))) == pytest.approx(2**-199, rel=1e-9)
    assert 0 < sign_flip_p_value(np.ones(3000), each_its_own(range(3000))) < 1e-300


@given(st.integers(0, 60), st.integers(0, 60))
def test_one_transcript_a_document_gives_mcnemars_test(first, second):
    """Of validity; where documents have more, McNemar's test counts them too often."""
    differences = np.array([1.0] * first + [-1.0] * second + [0.0])
    expected = mcnemar([[5, first], [second, 5]], exact=True).pvalue if first + second else 1.0
    assert sign_flip_p_value(differences, each_its_own(differences)) == pytest.approx(expected, abs=1e-12)


def test_three_failing_segments_of_one_document_count_once():
    differences, sources = np.ones(15), [f"document-{number // 3}" for number in range(15)]
    assert sign_flip_p_value(differences, sources) == 2 * 0.5**5


@pytest.mark.parametrize("n", [1, 2, 3, 10, 15, 45])
def test_holm_equals_statsmodels(n):
    p_values = np.random.default_rng(n).integers(0, 40, n) / 200  # ties, zeros, and some near the level
    p_values[n // 2 :: 7] = 1.0
    assert adjust_by_holm(list(p_values)) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_untested_pairs_do_not_count_for_holm():
    assert adjust_by_holm([0.01, None, 0.04]) == [0.02, None, 0.04]


def test_non_inferiority_is_the_one_sided_t_test():
    values = np.array([0.1, -0.2, 0.4, 0.3, -0.1])
    expected = stats.ttest_1samp(values, 0.5, alternative="less").pvalue
    assert estimate_mean(values, each_its_own(values)).chance_of_reaching(0.5) == pytest.approx(expected, abs=1e-12)


def paired_predictions(seed: int, n: int = 40, **models: tuple[float, float]) -> PairedPredictions:
    """Models by the standard deviation of their errors and the share of their outputs that is missing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 11, (n, 6)).astype(float)
    predictions = {}
    for model, (noise, missing) in models.items():
        said = np.clip(np.rint(labels + rng.normal(0, noise, labels.shape)), 1, 10)
        predictions[model.replace("_", "-")] = np.where(rng.random((n, 1)) < missing, np.nan, said)
    return PairedPredictions(labels, [f"document-{number // 2}" for number in range(n)], np.full(6, 5.5), predictions)


def one(found: tuple[Comparison, ...], measure: str) -> Comparison:
    return next(each for each in found if each.measure == measure)


def test_a_difference_is_that_of_the_paired_mses():
    pair = paired_predictions(1, base=(3.0, 0.3), epoch_1=(1.0, 0.1))
    base, epoch = pair.predictions["base"], pair.predictions["epoch-1"]
    both = ~np.isnan(base + epoch).any(axis=1)
    found = one(compare_models(pair), "common")
    errors = [((said - pair.labels) ** 2)[both].mean() for said in (epoch, base)]
    assert found.difference == pytest.approx(errors[0] - errors[1], abs=1e-12)
    assert (found.n_used, found.n_missing, found.n_total) == (both.sum(), (~both).sum(), 40)
    assert (found.model, found.other) == ("epoch-1", "base")
    assert found.ci_low < found.difference < found.ci_high < 0


@given(st.integers(0, 10_000))
def test_any_missing_outputs_keep_within_the_bounds(seed):
    pair = paired_predictions(seed, n=12, base=(2.0, 0.3), epoch_1=(1.5, 0.3))
    found = one(compare_models(pair), "penalised")
    rng = np.random.default_rng(seed)
    guesses = [np.where(np.isnan(x), rng.integers(1, 11, x.shape), x) for x in pair.predictions.values()]
    base, epoch = [((guess - pair.labels) ** 2).mean() for guess in guesses]
    assert found.bound_low - 1e-9 <= epoch - base <= found.bound_high + 1e-9


def test_two_equal_models_are_not_distinguishable():
    pair = paired_predictions(2, base=(2.0, 0.1))
    twins = PairedPredictions(
        pair.labels, pair.sources, pair.medians, dict.fromkeys(("epoch-1", "epoch-2"), pair.predictions["base"])
    )
    assert [(each.difference, each.p_adjusted, each.distinguishable) for each in compare_models(twins)] == [
        (0.0, 1.0, False)
    ] * 3


def test_only_quantisation_is_tested_for_non_inferiority():
    found = compare_models(paired_predictions(3, 200, base=(1.0, 0.0), base_nf4=(1.0, 0.0), epoch_1=(0.5, 0.0)))
    asked = {(each.model, each.other) for each in found if each.margin is not None}
    assert asked == {("base-nf4", "base")}
    assert all(each.p_non_inferior < 0.025 for each in found if each.margin is not None)


def test_much_less_validity_is_not_no_worse():
    found = compare_models(paired_predictions(4, 200, base=(1.0, 0.0), base_nf4=(1.0, 0.3)))
    assert one(found, "validity").p_non_inferior > 0.9


@pytest.mark.parametrize("n", [0, 1])
def test_of_next_to_nothing_nothing_is_claimed(n):
    found = compare_models(paired_predictions(5, n, base=(1.0, 0.0), epoch_1=(1.0, 0.0)))
    assert not any(each.distinguishable or each.ci_low is not None for each in found)
    assert all((each.difference is None) == (n == 0) for each in found)


def test_no_valid_output_leaves_no_common_difference():
    found = one(compare_models(paired_predictions(6, base=(1.0, 1.0), epoch_1=(1.0, 0.0))), "common")
    assert (found.difference, found.p_value, found.p_adjusted, found.n_used) == (None, None, None, 0)


def test_the_differences_by_trait_average_to_the_difference():
    three = paired_predictions(7, base=(3.0, 0.3), epoch_1=(1.0, 0.1), epoch_2=(1.2, 0.0))
    by_trait = compare_traits(three)
    assert len(by_trait) == 3 * 2 * 6
    for whole in compare_models(three):
        parts = [each for each in by_trait if key(each) == key(whole)]
        if whole.measure != "validity":
            assert np.mean([each.difference for each in parts]) == pytest.approx(whole.difference, abs=1e-12)
            assert {(each.n_used, each.n_missing) for each in parts} == {(whole.n_used, whole.n_missing)}


def test_by_trait_holm_spans_pairs_and_traits():
    by_trait = compare_traits(paired_predictions(8, 200, base=(3.0, 0.2), epoch_1=(1.0, 0.0), epoch_2=(1.0, 0.0)))
    for measure in ("penalised", "common"):
        family = [each for each in by_trait if each.measure == measure]
        adjusted = multipletests([each.p_value for each in family], method="holm")[1]
        assert [each.p_adjusted for each in family] == pytest.approx(list(adjusted), abs=1e-12)
        assert {each.other for each in family if each.distinguishable} == {"base"}


@pytest.mark.parametrize("n", [0, 1])
def test_few_transcripts_support_no_claim_by_trait(n):
    found = compare_traits(paired_predictions(9, n, base=(1.0, 0.0), epoch_1=(1.0, 0.0)))
    assert not any(each.distinguishable or each.ci_low is not None for each in found)


def key(comparison) -> tuple[str, str, str]:
    return comparison.model, comparison.other, comparison.measure


def a_pair(model: str, other: str, distinguishable: bool) -> Comparison:
    return Comparison(
        model, other, "penalised", 0.0, None, None, 0.5, 0.5, distinguishable, None, None, None, None, 9, 9, 0
    )


def test_indistinguishable_models_share_a_tier():
    pairs = [a_pair("b", "a", False), a_pair("c", "a", True), a_pair("c", "b", True)]
    assert rank_tiers({"a": 1.0, "b": 1.1, "c": 5.0}, pairs) == {"a": 1, "b": 1, "c": 2}


def test_a_model_in_between_joins_two_tiers():
    pairs = [a_pair("b", "a", False), a_pair("c", "a", True), a_pair("c", "b", False)]
    assert rank_tiers({"a": 1.0, "b": 2.0, "c": 3.0}, pairs) == {"a": 1, "b": 1, "c": 1}


@given(st.lists(st.booleans(), min_size=10, max_size=10), st.permutations("abcde"))
def test_models_of_different_tiers_are_always_distinguishable(answers, order):
    errors = {model: float(place) for place, model in enumerate(order)}
    pairs = [a_pair(two, first, told) for (first, two), told in zip(combinations("abcde", 2), answers, strict=True)]
    tiers = rank_tiers(errors, pairs)
    assert all(pair.distinguishable for pair in pairs if tiers[pair.model] != tiers[pair.other])
    assert [tiers[model] for model in order] == sorted(tiers.values())
