"""How many tokens a request will be charged: guessed from its size at first, then learned from what replies used.

Providers charge the output that is asked for against the limit before it is written, and a budget must hold whatever comes
back; so both want a bound that is seldom too low and not much too high.
"""

import math
from dataclasses import dataclass
from typing import Final

from feedback_model.errors import ConfigurationError
from feedback_model.labelling.models import token_limit
from feedback_model.labelling.prices import Usage, price_of
from feedback_model.store.ledger import Order
from feedback_model.store.sends import NANOS, in_nanos

ENOUGH: Final = 30  # replies from which their size is learned
ROOM: Final = 1.3  # times the longest output so far
STEP: Final = 50  # tokens
USUAL_BYTES: Final = 3.5  # bytes a token of English prose has, before anything is known
USUAL_OUTPUT: Final = 300  # tokens of six scores with a sentence or two each, likewise


def in_budget(dollars: float | None, model: str) -> int | None:
    """A budget in billionths of a dollar; None without one.

    Raises:
        ConfigurationError: the model has no known price, so that no budget could be kept.
    """
    if dollars is None:
        return None
    if price_of(model) is None:
        raise ConfigurationError(
            f"the price of {model!r} is not known here, so a budget of {dollars:.2f} USD cannot be kept; leave --budget out, "
            "or add the price to feedback_model/labelling/prices.py"
        )
    return in_nanos(dollars, int)


@dataclass(slots=True)
class Allowance:
    """What the labels of one run need; rewrites are as long as their originals and are not learned from."""

    label_tokens: int
    """The most output tokens that a label may take."""
    seen: int = 0
    longest: int = 0
    """Output tokens of a label."""
    densest: float = 0.0
    """Prompt tokens per byte."""

    def learn(self, order: Order, n_bytes: int, usage: Usage) -> None:
        """Take in what one reply used."""
        if usage.prompt_tokens:
            self.densest = max(self.densest, usage.prompt_tokens / max(1, n_bytes))
        if order.purpose != "rewrite" and usage.completion_tokens:
            self.seen += 1
            self.longest = max(self.longest, usage.completion_tokens)

    def output(self, order: Order) -> int:
        """The output tokens to ask for; all that may be had where the last answer was cut off."""
        most = token_limit(order, self.label_tokens)
        if order.purpose == "rewrite" or self.seen < ENOUGH or order.complaint == "truncated":
            return most
        return min(most, math.ceil(self.longest * ROOM / STEP) * STEP)

    def prompt(self, n_bytes: int) -> float:
        """The prompt tokens to expect."""
        return n_bytes * (self.densest or 1 / USUAL_BYTES)

    def most_nanos(self, model: str, n_bytes: int, output: int) -> int:
        """The most that a request can cost, in billionths of a dollar; 0 where the model has no known price."""
        price = price_of(model)
        if price is None:
            return 0
        # No token is shorter than a byte, in no language; what was reserved too much is freed when the reply comes.
        return math.ceil((n_bytes * price.prompt + output * price.completion) * NANOS / 1e6)
