"""List prices per model, with their date and source.

A model that is not listed has no known price: its cost is None (NULL in the ledger), never zero.
"""

from dataclasses import dataclass
from typing import Final

MILLION: Final = 1_000_000
EXACT: Final = 12  # decimals; every list price per token has fewer, so sums of costs are sums of what was charged


@dataclass(frozen=True, slots=True)
class Price:
    """The list price of one model, in USD per million tokens."""

    model: str
    """The model's name; dated releases of it (`gpt-4o-mini-2024-07-18`) cost the same."""
    prompt: float
    cached: float
    """For prompt tokens that the provider had in its cache."""
    completion: float
    as_of: str
    """The day the price was read."""
    source: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one response was charged for; None where it did not say."""

    prompt_tokens: int | None
    cached_tokens: int | None
    """Those of `prompt_tokens` that came from the provider's cache."""
    completion_tokens: int | None


PRICES: Final = (
    Price("gpt-4o-mini", 0.15, 0.075, 0.60, "2026-11-24", "openai.com/api/pricing"),
    Price("gpt-6-luna", 0.10, 0.01, 0.50, "2026-11-24", "developers.openai.com/api/docs/models/gpt-6-luna"),
    Price("embedded-rubric-3", 0.0, 0.0, 0.0, "2026-11-24", "runs on this machine"),
)


def price_of(model: str) -> Price | None:
    """Look up the price of `model` or of the model it is a dated release of; None if it is not listed."""
    for price in PRICES:
        release = model.removeprefix(f"{price.model}-")
        if model == price.model or (release != model and release[:4].isdigit()):
            return price
    return None


def cost_of(model: str, usage: Usage) -> float | None:
    """Compute the USD of one response; None where the price or the tokens are unknown."""
    price = price_of(model)
    if price is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    cached = usage.cached_tokens or 0
    fresh = usage.prompt_tokens - cached
    millionths = fresh * price.prompt + cached * price.cached + usage.completion_tokens * price.completion
    return round(millionths / MILLION, EXACT)
