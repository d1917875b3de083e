"""Which score levels are rare, which rewrites fill them jointly, and what is said of levels that stay short."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.augmentation import planning
from feedback_model.augmentation.planning import RARE_SHARE, TRIES_PER_WANTED, AugmentationPlan, plan_augmentation
from feedback_model.records.labels import LabelledTranscript
from feedback_model.store.augmentations import Rewrite
from feedback_model.traits import SCORES
from tests.builders import a_labelled
from tests.growth import growth


def a_train(rows, origin="real") -> list[LabelledTranscript]:
    """Transcripts of the scores in `rows`."""
    return [
        a_labelled(f"{origin}-{n}", f"{origin}-{n}", row, split="train", origin=origin) for n, row in enumerate(rows)
    ]


def as_planned(made: AugmentationPlan, train) -> list[LabelledTranscript]:
    """What the train part gains when every rewrite comes out as meant."""
    scores = {each.transcript_id: each.feedback.scores for each in train}
    rows = [(scores[each.parent_id] | {each.trait: each.target_score}).values() for each in made.rewrites]
    return [a_labelled(f"made-{n}", f"made-{n}", [*row], origin="augmented") for n, row in enumerate(rows)]


def as_ordered(made: AugmentationPlan, outcome="accepted") -> list[Rewrite]:
    return [
        Rewrite(str(n), each.parent_id, None, each.trait, each.target_score, outcome)
        for n, each in enumerate(made.rewrites)
    ]


tables = st.lists(st.tuples(*[st.sampled_from(SCORES)] * 6), max_size=120).map(a_train)
skewed = st.lists(st.tuples(*[st.sampled_from((1, 5, 6, 6, 7, 7, 10))] * 6), min_size=20, max_size=120).map(a_train)
shares = st.floats(0, 1)


@given(tables | skewed, shares)
def test_plan_keeps_its_budget_without_repeats(train, share):
    """Never more than the budget and no rewrite twice."""
    made = plan_augmentation(train, max_share=share)
    assert len(made.rewrites) <= made.budget <= len(train) * share
    assert len({(each.parent_id, each.trait, each.target_score) for each in made.rewrites}) == len(made.rewrites)


@given(tables | skewed, shares)
def test_no_level_is_filled_beyond_enough(train, share):
    """No level is aimed at beyond what is enough."""
    made = plan_augmentation(train, max_share=share)
    for level in made.levels:
        assert level.real < made.enough <= len(train) / len(SCORES) * RARE_SHARE
        assert level.have + level.planned <= made.enough


@given(tables | skewed)
def test_fulfilled_plan_is_met(train):
    """A plan that came out as meant is met and its goal stands."""
    first = plan_augmentation(train, max_share=1)
    after = plan_augmentation([*train, *as_planned(first, train)], as_ordered(first), max_share=1)
    assert (after.rewrites, after.shortfall) == ((), first.shortfall_after)
    assert (after.enough, after.budget) == (first.enough, first.budget)


@given(skewed, st.integers(0, 3))
def test_the_same_seed_makes_the_same_plan(train, seed):
    assert plan_augmentation(train, seed=seed) == plan_augmentation(train, seed=seed)


def test_a_rewrite_that_fills_two_levels_is_preferred():
    train = a_train([(5,) * 6] * 98 + [(5, 5, 5, 1, 5, 5)] * 2)
    made = plan_augmentation(train, max_share=2 / 100)
    assert {each.parent_id for each in made.rewrites} <= {"real-98", "real-99"}
    assert all(each.trait != "empathy" for each in made.rewrites)
    assert made.shortfall - made.shortfall_after == 4


def test_among_equals_the_nearest_parents_are_rewritten():
    rows = [(5, 5, 5, score, 5, 5) for score in (2, 8, 9, 9)] + [(5,) * 6] * 56
    made = plan_augmentation(a_train(rows), max_share=1)
    towards = [each for each in made.rewrites if (each.trait, each.target_score) == ("empathy", 10)]
    assert {each.present_score for each in towards} <= {8, 9}


def test_rewrite_counts_where_it_landed():
    """A rewrite that moved another trait counts where it landed."""
    rows = [(5,) * 6] * 40
    first = plan_augmentation(a_train(rows), max_share=1)
    moved = a_train([(5, 1, 5, 5, 5, 5)], "augmented")
    second = plan_augmentation([*a_train(rows), *moved], max_share=1)
    lacking = [
        {(level.trait, level.score): level.lacking for level in each.levels}["persuasiveness", 1]
        for each in (first, second)
    ]
    assert lacking == [2, 1]


def test_missed_level_is_tried_until_spent():
    """What missed is tried again until the tries are spent and the level says so."""
    train, ordered = a_train([(5,) * 6] * 19 + [(6,) * 6] * 21), []
    for _ in range(50):
        ordered += as_ordered(plan_augmentation(train, ordered, max_share=1), "missed_target")
    last = plan_augmentation(train, ordered, max_share=1)
    assert last.rewrites == ()
    assert len(ordered) <= TRIES_PER_WANTED * last.budget
    assert {level.reason for level in last.levels} <= {"spent its rewrites", "budget"}


@pytest.mark.parametrize("share", [0, 0.05])
def test_what_the_budget_does_not_cover_says_so(share):
    made = plan_augmentation(a_train([(5,) * 6] * 40), max_share=share)
    assert {level.reason for level in made.levels if level.left} == {"budget"}


def test_level_without_parents_says_so(monkeypatch):
    """Where nobody can be rewritten the level says so."""
    monkeypatch.setattr(planning, "choose_rewrites", lambda _board, _room: [])
    made = plan_augmentation(a_train([(5,) * 6] * 40), max_share=1)
    assert {level.reason for level in made.levels} == {"no parents left"}


def test_nothing_is_planned_where_nothing_is_labelled():
    assert plan_augmentation([]) == AugmentationPlan(0, 0, 0, (), ())


def test_planning_takes_time_by_the_number_of_transcripts():
    scores = np.random.default_rng(0).normal(6, 1.8, (50_000, 6)).round().clip(1, 10).astype(int)
    small, large = a_train(scores[:5_000].tolist()), a_train(scores.tolist())
    made = plan_augmentation(large)
    assert made.shortfall_after < made.shortfall
    assert growth(lambda: plan_augmentation(small), lambda: plan_augmentation(large)) < 40
