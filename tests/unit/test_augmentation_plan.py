"""Which score levels are rare, how many rewrites they get, and from which real transcripts."""

from hypothesis import given
from hypothesis import strategies as st

from feedback_model.augmentation.plan import RARE_SHARE, choose_parents, count_scores, plan_augmentation
from feedback_model.traits import SCORES, TRAIT_KEYS

scored = st.lists(st.fixed_dictionaries({trait: st.sampled_from(SCORES) for trait in TRAIT_KEYS}), max_size=200)
shares = st.floats(0, 1)


@given(scored, shares)
def test_what_is_made_in_all_stays_within_its_share(transcripts, share):
    plan = plan_augmentation(count_scores(transcripts), max_share=share)
    assert plan.total <= len(transcripts) * share


@given(scored, shares)
def test_only_rare_levels_are_filled_and_none_beyond_what_is_enough(transcripts, share):
    enough = len(transcripts) / len(SCORES) * RARE_SHARE
    for cell in plan_augmentation(count_scores(transcripts), max_share=share).cells:
        assert cell.want > 0
        assert cell.have + cell.want <= enough


@given(scored)
def test_with_room_for_all_every_rare_level_is_filled(transcripts):
    counts = count_scores(transcripts)
    plan = plan_augmentation(counts, max_share=100)
    made = {(cell.trait, cell.score): cell.want for cell in plan.cells}
    for trait in TRAIT_KEYS:
        for score in SCORES:
            filled = counts[trait][score] + made.get((trait, score), 0)
            assert filled >= int(len(transcripts) / len(SCORES) * RARE_SHARE)


def test_the_rarest_level_gets_the_most():
    counts = {trait: dict.fromkeys(SCORES, 100) for trait in TRAIT_KEYS}
    counts["empathy"] |= {1: 0, 2: 20, 5: 280}
    plan = plan_augmentation(counts, max_share=0.03)
    assert {(cell.trait, cell.score): cell.want for cell in plan.cells} == {("empathy", 1): 25, ("empathy", 2): 5}


def test_nothing_is_planned_where_nothing_is_labelled():
    assert plan_augmentation(count_scores([])).cells == ()


def test_parents_are_the_nearest_scores_and_never_one_twice():
    scores = {"a": 8, "b": 9, "c": 10, "d": 2, "e": 9}
    first = choose_parents(scores, target=10, count=2)
    assert set(first) == {"b", "e"}
    assert choose_parents(scores, target=10, count=9, used=first) == ("a", "d")


def test_the_seed_decides_among_equally_near_parents():
    scores = {f"t{number}": 5 for number in range(100)}
    assert choose_parents(scores, 6, 5, seed=1) == choose_parents(scores, 6, 5, seed=1)
    assert choose_parents(scores, 6, 5, seed=1) != choose_parents(scores, 6, 5, seed=2)
