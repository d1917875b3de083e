"""Scores of a document follow from those of its pieces by one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.records.scores import ScoreDistribution
from feedback_model.scoring.trait_scores import TraitScore, combine, score_piece
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS
from tests.builders import a_feedback
from tests.scored import around

WORDS = st.integers(20, 250)
NEAR = 1e-3  # probabilities are rounded to five decimals


@st.composite
def distributions(draw: st.DrawFn) -> ScoreDistribution:
    weights = draw(st.lists(st.floats(0, 1), min_size=10, max_size=10).filter(lambda found: sum(found) > 0.01))
    return ScoreDistribution(tuple(weight / sum(weights) for weight in weights))


def read_off(distribution: ScoreDistribution, explanation: str = "It is so."):
    scored = score_piece(None, [distribution] * len(TRAIT_KEYS))
    return tuple(TraitScore(*_but_explanation(each), explanation) for each in scored)


def _but_explanation(score: TraitScore):
    return score.score, score.expectation, score.interval, score.probabilities


def whole(*scores: int):
    return [score_piece(a_feedback(*[score] * 6), None) for score in scores]


@given(st.lists(st.tuples(distributions(), WORDS), min_size=1, max_size=8))
def test_expectation_is_the_weighted_mean(pieces):
    words = [count for _, count in pieces]
    found = combine([read_off(each) for each, _ in pieces], words)[0]
    mean = sum(each.expectation * count for each, count in pieces) / sum(words)
    assert found.expectation == pytest.approx(mean, abs=NEAR)
    assert found.score == pytest.approx(mean, abs=0.5 + NEAR)


@given(st.lists(st.tuples(distributions(), WORDS), min_size=1, max_size=8))
def test_distribution_is_the_weighted_mixture(pieces):
    words = [count for _, count in pieces]
    found = combine([read_off(each) for each, _ in pieces], words)[0]
    shares = zip(*(each.probabilities for each, _ in pieces), strict=True)
    mixture = [sum(map(float.__mul__, share, map(float, words))) / sum(words) for share in shares]
    assert found.probabilities == pytest.approx(mixture, abs=NEAR)
    assert found.interval == ScoreDistribution(found.probabilities).interval


@given(distributions(), st.lists(WORDS, min_size=1, max_size=5))
def test_equal_pieces_leave_the_score_alone(distribution, words):
    piece = read_off(distribution)
    found = combine([piece] * len(words), words)
    assert [each.expectation for each in found] == pytest.approx([each.expectation for each in piece], abs=NEAR)
    assert [each.probabilities for each in found] == [pytest.approx(each.probabilities, abs=NEAR) for each in piece]


@given(st.lists(st.tuples(st.integers(MIN_SCORE, MAX_SCORE), WORDS), min_size=1, max_size=8))
def test_whole_scores_are_averaged(pieces):
    scores, words = zip(*pieces, strict=True)
    found = combine(whole(*scores), words)[0]
    assert found.expectation == pytest.approx(sum(map(int.__mul__, scores, words)) / sum(words), abs=1e-5)
    assert (found.interval, found.probabilities) == (None, None)
    assert min(scores) <= found.score <= max(scores)


def test_longer_pieces_weigh_more():
    assert [combine(whole(2, 8), words)[0].score for words in ([200, 50], [50, 200])] == [3, 7]


def test_the_nearest_piece_explains():
    assert combine(whole(1, 6, 9), [100, 100, 100])[0].explanation == "It deserves a 6."


def test_of_equally_near_pieces_the_first_explains():
    assert combine(whole(4, 6), [100, 100])[0].explanation == "It deserves a 4."


def test_two_minds_widen_the_interval():
    """Pieces that are sure of different scores make a document whose interval spans both."""
    pieces = [read_off(around(2, 0.0)), read_off(around(9, 0.0))]
    found = combine(pieces, [100, 100])[0]
    assert (found.expectation, found.interval) == (5.5, (2, 9))


def test_scores_alone_have_no_explanation():
    scored = score_piece(None, [around(7)] * 6)
    assert [(each.score, each.explanation) for each in scored] == [(7, None)] * 6
    assert combine([scored, scored], [50, 60])[0].explanation is None


def test_an_invalid_answer_has_no_scores():
    assert score_piece(None, None) is None
