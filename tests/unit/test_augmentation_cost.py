"""What a plan will cost is said with its sources: measured, assumed, or unknown."""

import pytest

from feedback_model.augmentation.cost import (
    ASSUMED_HIT_RATE,
    Tokens,
    estimate_cost,
    hit_rates,
    relabel_tokens,
    rewrite_tokens,
)
from feedback_model.augmentation.planning import TRIES_PER_WANTED, PlannedRewrite
from feedback_model.labelling.pricing import price_of
from feedback_model.labelling.requests import USUAL_BYTES
from feedback_model.store.augmentations import Outcomes
from feedback_model.store.label_requests import MeanUsage

PLANNED = [PlannedRewrite(str(n), "empathy", 3, 1) for n in range(4)]
THOUSAND = Tokens(1_000, 1_000, 0)


def judged(accepted: int, missed: int) -> dict[tuple[str, int], Outcomes]:
    return {("empathy", 1): Outcomes(accepted + missed, accepted, missed, 0, 0, 0, 0.0)}


def test_assumed_hit_rate_is_named_as_such():
    """Without verdicts the planning assumption stands and is named."""
    (rate,) = hit_rates(PLANNED, judged(1, 2))
    assert (rate.rate, rate.assumed, rate.n_judged, rate.planned) == (ASSUMED_HIT_RATE, True, 3, 4)


def test_enough_verdicts_give_the_level_s_own_rate():
    (rate,) = hit_rates(PLANNED, judged(8, 2))
    assert (rate.rate, rate.assumed, rate.tries) == (0.8, False, 1.25)


def test_hopeless_level_keeps_to_the_plan():
    """A level that never hit is tried no more often than a plan allows."""
    (rate,) = hit_rates(PLANNED, judged(0, 10))
    assert rate.tries == TRIES_PER_WANTED
    assert estimate_cost(price_of("gpt-4o-mini"), [rate], THOUSAND, THOUSAND).usd_per_accepted is None


def test_cost_sums_rewrites_and_blind_labels():
    """The sum is tries times rewrite and blind label at list prices."""
    cost = estimate_cost(price_of("gpt-4o-mini"), hit_rates(PLANNED, {}), THOUSAND, THOUSAND)
    assert (cost.tries, cost.accepted) == (8, 4)
    assert cost.usd == pytest.approx(8 * 2 * (0.15 + 0.60) / 1_000)
    assert cost.usd_per_accepted == pytest.approx(cost.usd / 4)


def test_an_unknown_price_is_unknown_and_not_zero():
    assert estimate_cost(price_of("someone-s-model"), hit_rates(PLANNED, {}), THOUSAND, THOUSAND).usd is None


def test_tokens_are_measured_where_they_can_be():
    """Tokens are those of replies where there are any."""
    assert relabel_tokens(MeanUsage(7, 600.0, 0.0, 300.0), 4_000) == Tokens(600.0, 300.0, 7)
    counted = rewrite_tokens(None, 4_000)
    assert (counted.completion, counted.n_responses) == (4_000 / USUAL_BYTES, 0)
    assert counted.prompt > counted.completion
