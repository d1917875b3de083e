import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.records.scores import LEVEL, ScoreDistribution
from feedback_model.traits import SCORES


@st.composite
def distributions(draw: st.DrawFn) -> ScoreDistribution:
    weights = draw(st.lists(st.floats(0, 1), min_size=10, max_size=10).filter(lambda found: sum(found) > 0.01))
    return ScoreDistribution(tuple(weight / sum(weights) for weight in weights))


@given(distributions())
def test_an_interval_holds_its_share(found: ScoreDistribution):
    low, high = found.interval
    assert sum(found.probabilities[low - 1 : high]) >= LEVEL - 1e-6
    assert sum(found.probabilities[: low - 1]) <= (1 - LEVEL) / 2 + 1e-6
    assert sum(found.probabilities[high:]) <= (1 - LEVEL) / 2 + 1e-6


@given(distributions())
def test_an_expectation_is_a_score(found: ScoreDistribution):
    assert 1 <= found.expectation <= 10 + 1e-9
    assert found.score in SCORES


def test_a_sure_score_is_its_own_interval():
    sure = ScoreDistribution((0.0,) * 6 + (1.0,) + (0.0,) * 3)
    assert (sure.expectation, sure.score, sure.interval) == (pytest.approx(7), 7, (7, 7))
