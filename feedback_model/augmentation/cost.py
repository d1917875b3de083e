"""Cost of a plan before it is spent: attempts, tokens, and USD by list prices.

Tokens are those that like questions took so far, where the ledger knows; else counted from characters. A hit rate is what the
level's rewrites had so far, where enough were judged; else the planning assumption. The estimate says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from feedback_model.augmentation.planning import TRIES_PER_WANTED, PlannedRewrite
from feedback_model.labelling.pricing import Price, Usage, cost_of
from feedback_model.labelling.requests import USUAL_BYTES, USUAL_OUTPUT, usual_prompt_tokens
from feedback_model.store.augmentations import Outcomes
from feedback_model.store.label_requests import MeanUsage

ASSUMED_HIT_RATE: Final = 0.5  # half of the rewrites hit: what two tries for each that is wanted provide for
FEWEST_JUDGED: Final = 5  # rewrites of a level that must have a verdict before its own rate counts


@dataclass(frozen=True, slots=True)
class HitRate:
    """Share of the rewrites towards one level that are accepted."""

    trait: str
    target_score: int
    planned: int
    """Rewrites the plan wants of it."""
    rate: float
    assumed: bool
    """True where too few were judged, so that `rate` is the planning assumption."""
    n_judged: int

    @property
    def tries(self) -> float:
        """Rewrites to be bought for each that is wanted; no more than a plan allows."""
        return min(1 / self.rate, TRIES_PER_WANTED) if self.rate else TRIES_PER_WANTED


@dataclass(frozen=True, slots=True)
class Tokens:
    """Average tokens of one request."""

    prompt: float
    completion: float
    n_responses: int
    """Replies that this is the mean of; 0 where it is counted from characters."""


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Expected cost of a plan, rewrites that will miss included."""

    tries: float
    """Rewrites to be bought, each with its blind label."""
    accepted: float
    """Of these, to be accepted."""
    rewrite: Tokens
    relabel: Tokens
    usd: float | None
    """None where the model has no known price."""
    price: Price | None

    @property
    def usd_per_accepted(self) -> float | None:
        """None where nothing is planned or the price is unknown."""
        return None if self.usd is None or not self.accepted else self.usd / self.accepted


def hit_rates(rewrites: Sequence[PlannedRewrite], so_far: Mapping[tuple[str, int], Outcomes]) -> tuple[HitRate, ...]:
    """Return the rate of every level that the plan aims at."""
    levels = [(each.trait, each.target_score) for each in rewrites]
    return tuple(_hit_rate(level, levels.count(level), so_far.get(level)) for level in dict.fromkeys(levels))


def _hit_rate(level: tuple[str, int], planned: int, became: Outcomes | None) -> HitRate:
    judged = became.settled if became else 0
    if became is None or judged < FEWEST_JUDGED:
        return HitRate(*level, planned, ASSUMED_HIT_RATE, assumed=True, n_judged=judged)
    return HitRate(*level, planned, became.accepted / judged, assumed=False, n_judged=judged)


def rewrite_tokens(usage: MeanUsage | None, text_characters: float) -> Tokens:
    """Estimate the tokens of one rewrite: the text goes in with the prompt and about as much comes out."""
    prompt = usual_prompt_tokens("rewrite", text_characters, trait="enthusiasm", target="10")
    return _measured(usage) or Tokens(prompt, text_characters / USUAL_BYTES, 0)


def relabel_tokens(usage: MeanUsage | None, text_characters: float) -> Tokens:
    """Estimate the tokens of a blind label by the labels so far."""
    return _measured(usage) or Tokens(usual_prompt_tokens("label", text_characters), USUAL_OUTPUT, 0)


def _measured(usage: MeanUsage | None) -> Tokens | None:
    return Tokens(usage.prompt_tokens, usage.completion_tokens, usage.n_responses) if usage else None


def estimate_cost(price: Price | None, rates: Sequence[HitRate], rewrite: Tokens, relabel: Tokens) -> CostEstimate:
    """Tokens, tries and money for a plan whose levels have `rates`."""
    tries = sum(each.planned * each.tries for each in rates)
    accepted = sum(each.planned * min(1, each.rate * each.tries) for each in rates)
    usage = Usage(
        round((rewrite.prompt + relabel.prompt) * tries), 0, round((rewrite.completion + relabel.completion) * tries)
    )
    return CostEstimate(tries, accepted, rewrite, relabel, cost_of(price, usage), price)
