"""Which score levels are rare, and which real transcripts are rewritten towards them, over all six traits at once."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_model.augmentation.plan import RARE_SHARE, count_scores, count_targets, plan_augmentation
from feedback_model.traits import SCORES, TRAIT_KEYS

scored = st.lists(st.fixed_dictionaries({trait: st.sampled_from(SCORES) for trait in TRAIT_KEYS}), max_size=120)
shares = st.floats(0, 1)


def named(transcripts: list) -> dict[str, dict[str, int]]:
    return {f"t{number:04}": scores for number, scores in enumerate(transcripts)}


def made(real: dict, plan) -> list[dict[str, int]]:
    """The rewrites of a plan, if each hits its target and keeps its parent's other scores."""
    return [real[parent] | {trait: score} for parent, trait, score in plan.rewrites]


def shortfall(scored: list, enough: int) -> int:
    counts = count_scores(scored)
    return sum(max(0, enough - counts[trait][score]) for trait in TRAIT_KEYS for score in SCORES)


def fill_trait_by_trait(real: dict, enough: int, budget: int) -> list[dict[str, int]]:
    """What planning each level by itself comes to: the rarest first, any of the nearest parents."""
    counts = {(trait, score): n for trait, levels in count_scores(real.values()).items() for score, n in levels.items()}
    found = []
    for _ in range(budget):
        (trait, score), n = min(counts.items(), key=lambda cell: cell[1])
        if n >= enough:
            break
        parents = [scores for scores in real.values() if scores[trait] != score]
        if not parents:
            counts[trait, score] = enough
            continue
        found.append(min(parents, key=lambda scores: abs(scores[trait] - score)) | {trait: score})
        counts[trait, score] += 1
    return found


@given(scored, shares)
def test_what_is_made_in_all_stays_within_its_share(transcripts, share):
    assert plan_augmentation(named(transcripts), max_share=share).total <= len(transcripts) * share


@settings(max_examples=50, deadline=None)
@given(scored)
def test_only_rare_levels_are_aimed_at_and_none_beyond_what_is_enough(transcripts):
    real = named(transcripts)
    plan = plan_augmentation(real, max_share=1)
    counts = count_scores(transcripts)
    for (trait, score), n in count_targets(plan.rewrites).items():
        assert counts[trait][score] + n <= int(len(transcripts) / len(SCORES) * RARE_SHARE)


@settings(max_examples=50, deadline=None)
@given(scored)
def test_with_room_for_all_every_rare_level_is_filled_or_says_why_not(transcripts):
    real = named(transcripts)
    plan = plan_augmentation(real, max_share=100)
    after = count_scores([*transcripts, *made(real, plan)])
    for cell in plan.cells:
        assert after[cell.trait][cell.score] >= plan.enough or cell.reason in {"no parents left", "tries spent"}


def test_planned_jointly_it_takes_fewer_than_level_by_level():
    rng = random.Random(3)
    real = named([{trait: min(10, max(1, round(rng.gauss(6, 1.3)))) for trait in TRAIT_KEYS} for _ in range(600)])
    plan = plan_augmentation(real, max_share=0.2)
    apart = fill_trait_by_trait(real, plan.enough, plan.total)
    assert shortfall([*real.values(), *made(real, plan)], plan.enough) <= shortfall(
        [*real.values(), *apart], plan.enough
    )


@settings(max_examples=30, deadline=None)
@given(scored)
def test_where_all_were_made_nothing_more_is_planned(transcripts):
    real = named(transcripts)
    first = plan_augmentation(real, max_share=1)
    again = plan_augmentation(real, made(real, first), first.rewrites, max_share=1)
    assert again.total == 0


def test_what_missed_is_tried_again_with_other_parents_until_tries_are_spent():
    real = named([dict.fromkeys(TRAIT_KEYS, 5 + number % 2) | {"empathy": 7} for number in range(100)])
    ordered: list = []
    while plan := plan_augmentation(real, ordered=ordered, max_share=1).rewrites:
        assert not set(plan) & set(ordered)
        ordered.extend(plan)
    wanted = 5
    assert set(count_targets(ordered).values()) == {2 * wanted}
    assert {cell.reason for cell in plan_augmentation(real, ordered=ordered, max_share=1).cells} == {"tries spent"}


def test_parents_are_the_nearest_and_of_these_the_ones_that_fill_more():
    levels = [dict.fromkeys(TRAIT_KEYS, score) for score in SCORES for _ in range(10)]
    real = named(
        [each | {"empathy": max(2, each["empathy"]), "formality": min(9, each["formality"])} for each in levels]
    )
    real["better"] = dict.fromkeys(TRAIT_KEYS, 5) | {"empathy": 2, "formality": 10}
    assert plan_augmentation(real, max_share=0.02).rewrites[0] == ("better", "empathy", 1)


def test_the_seed_decides_among_equally_good_parents():
    real = named([dict.fromkeys(TRAIT_KEYS, 5) for _ in range(100)])
    plans = [plan_augmentation(real, max_share=0.05, seed=seed).rewrites for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_nothing_is_planned_where_nothing_is_labelled():
    assert plan_augmentation({}).cells == ()
