"""Prices per model: the setting's, our own, and those of genai-prices as they were installed; nothing is fetched.

A model that none of them has has no known price: its cost is None (NULL in the ledger), never zero.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from feedback_model.settings import Settings, default_setting, setting_name

if TYPE_CHECKING:
    from decimal import Decimal

    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

MILLION: Final = 1_000_000
EXACT: Final = 12  # decimals; every list price per token has fewer, so sums of costs are sums of what was charged
LIBRARY: Final = "genai-prices"
LONG_PROMPT: Final = (
    100_000  # tokens; a label takes some 3,000 and its transcript, OpenAI's dearer tiers begin at 272,000
)
PROMPT_PER_ANSWER: Final = 10  # tokens of prompt for each that is written, about as labels take


@dataclass(frozen=True, slots=True)
class Price:
    """The list price of one model, in USD per million tokens."""

    model: str
    prompt: float
    cached: float
    """For prompt tokens that the provider had in its cache."""
    completion: float
    as_of: str | None
    """The day the price was read; None where the source does not tell."""
    source: str

    @property
    def origin(self) -> str:
        """Where the price is from, in words."""
        return f"{self.source}, {self.as_of}" if self.as_of else self.source

    @property
    def is_free(self) -> bool:
        """True where no usage costs anything."""
        return not (self.prompt or self.cached or self.completion)


PriceOf = Callable[[str], Price | None]
"""Prices by model, as `price_of` has them under the settings in force."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one response was charged for; None where it did not say."""

    prompt_tokens: int | None
    cached_tokens: int | None
    """Those of `prompt_tokens` that came from the provider's cache."""
    completion_tokens: int | None


OWN: Final = {"embedded-rubric-3": Price("embedded-rubric-3", 0.0, 0.0, 0.0, "2026-11-24", "runs on this machine")}
"""Models that the library does not know."""


def price_of(model: str, settings: Settings | None = None) -> Price | None:
    """Look up the standard price of `model`, in USD per million tokens; None where nobody has one.

    FEEDBACK_LABEL_PRICE comes first, for FEEDBACK_LABEL_MODEL alone; then our own list, then the library, where a dated release
    costs what its model costs unless it is listed itself. Where several sell a model, the one that the endpoint belongs to sets
    its price; else OpenAI, whom gateways mostly stand for; else the dearest, because a budget must hold whoever answers.
    """
    if settings and settings.label_prices and model == settings.label_model:
        return Price(model, *settings.label_prices, None, setting_name("label_price"))
    endpoint = settings.openai_base_url if settings else str(default_setting("openai_base_url"))
    today = datetime.now(UTC).date()
    undated = re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model)
    return OWN.get(model) or _listed_price(model, endpoint, today) or _listed_price(undated, endpoint, today)


@cache
def _listed_price(model: str, endpoint: str, day: date) -> Price | None:
    from genai_prices.data import providers  # a fifth of a second, and only where a price is asked for

    offers: list[tuple[tuple[bool, bool, float], Price]] = []
    for provider in providers:
        known = provider.find_model(model, all_providers=providers)
        price = _standard_price(known, day, provider.id) if known else None
        if price is not None:
            is_asked = re.match(provider.api_pattern, endpoint.lower()) is not None
            dear = PROMPT_PER_ANSWER * price.prompt + price.completion
            offers.append(((is_asked, provider.id == "openai", dear), price))
    return max(offers, key=lambda offer: offer[0])[1] if offers else None


def _standard_price(known: "ModelInfo", day: date, provider: str) -> Price | None:
    """Read the price of a model on one day, by its dearest hour; None where it is not sold by tokens of text."""
    hours = (datetime.combine(day, time(hour), UTC) for hour in range(24))
    prices = [price for price in map(_read_rates, map(known.get_prices, hours)) if price is not None]
    if not prices:
        return None
    return Price(known.id, *max(prices), None, f"{LIBRARY} {version(LIBRARY)}, {provider}")


def _read_rates(price: "ModelPrice") -> tuple[float, float, float] | None:
    prompt, cached, completion = map(_rate, (price.input_mtok, price.cache_read_mtok, price.output_mtok))
    if prompt is None or completion is None:
        return None
    return prompt, prompt if cached is None else cached, completion


def _rate(price: "Decimal | TieredPrices | None") -> float | None:
    """Take the rate of short prompts; a tier counts that begins where a request of ours may end."""
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):
        return float(max([price.base, *(tier.price for tier in price.tiers if tier.start < LONG_PROMPT)]))
    return None if price is None else float(price)


def cost_of(price: Price | None, usage: Usage) -> float | None:
    """Compute the USD of one response; None where the price or the tokens are unknown."""
    if price is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
    fresh = usage.prompt_tokens - cached
    millionths = fresh * price.prompt + cached * price.cached + usage.completion_tokens * price.completion
    return round(millionths / MILLION, EXACT)
