"""The noise floor is the variance of the labeller's noise, and nothing where nobody was asked twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.measure import measure_noise_floor
from feedback_model.records.labels import RelabelledTranscript
from feedback_model.traits import TRAIT_KEYS

scores = st.tuples(*[st.integers(1, 10)] * 6)
items = st.lists(st.lists(scores, min_size=2, max_size=4), min_size=1, max_size=15).map(
    lambda labels: [RelabelledTranscript(f"t{n}", f"d{n}", tuple(each)) for n, each in enumerate(labels)]
)


@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=20))
def test_two_labels_give_half_their_squared_difference(pairs):
    floors = measure_noise_floor([RelabelledTranscript(f"t{n}", f"d{n}", pair) for n, pair in enumerate(pairs)], 99)
    first, second = np.array(pairs).transpose(1, 0, 2)
    expected = ((first - second) ** 2).mean(axis=0) / 2
    assert [floor.trait for floor in floors] == ["all", *TRAIT_KEYS]
    assert [floor.floor for floor in floors] == pytest.approx([expected.mean(), *expected], abs=1e-12)


@given(items)
def test_it_is_the_mean_of_numpys_unbiased_variances(relabelled):
    floors = measure_noise_floor(relabelled, 99)
    expected = np.mean([np.var(item.labels, axis=0, ddof=1) for item in relabelled], axis=0)
    assert [floor.floor for floor in floors[1:]] == pytest.approx(list(expected), abs=1e-12)
    n = len(relabelled)
    assert {(floor.n_used, floor.n_total, floor.n_missing) for floor in floors} == {(n, 99, 99 - n)}


def test_noise_that_was_put_in_is_found():
    random = np.random.default_rng(1)
    truth = random.integers(4, 8, (4000, 1, 6))
    labels = truth + random.choice([-1, 0, 1], (4000, 2, 6), p=[0.25, 0.5, 0.25])  # variance 0.5
    items = [RelabelledTranscript(f"t{n}", f"d{n}", tuple(map(tuple, pair))) for n, pair in enumerate(labels.tolist())]
    found = measure_noise_floor(items, 4000)
    assert all(floor.ci_low < 0.5 < floor.ci_high for floor in found[:1])
    assert found[0].floor == pytest.approx(0.5, abs=0.02)


def test_one_label_each_tells_nothing():
    assert measure_noise_floor([RelabelledTranscript("t", "d", ((5,) * 6,))], 1) == ()


def test_one_document_has_a_floor_without_an_interval():
    (floor, *_) = measure_noise_floor([RelabelledTranscript("t", "d", ((5,) * 6, (7,) * 6))], 1)
    assert (floor.floor, floor.ci_low, floor.ci_high) == (2.0, None, None)
