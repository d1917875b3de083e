"""What differs from one family of labelling models to another: the parameters they take.

Knows nothing of the client.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from feedback_model.store.ledger import Order

REWRITE_ROOM: Final = 128  # tokens beyond the length of the original


@dataclass(frozen=True, slots=True)
class Family:
    """Models that take the same parameters, told by how their name begins."""

    prefix: str
    parameters: Mapping[str, Any]


FAMILIES: Final = (
    # Reasoning would be charged as output and cut the answer off; these refuse a temperature of their own.
    Family("gpt-6", {"reasoning_effort": "none"}),
    Family("gpt-5", {"reasoning_effort": "none"}),
    Family("", {"temperature": 0}),
)


def parameters_for(model: str) -> Mapping[str, Any]:
    """The sampling parameters to send to `model`."""
    return next(family.parameters for family in FAMILIES if model.startswith(family.prefix))


def token_limit(order: Order, label_tokens: int) -> int:
    """The most output tokens `order` may need; providers charge this against the limit before they answer."""
    if order.purpose != "rewrite":
        return label_tokens
    return REWRITE_ROOM + len(order.text.encode("utf-8")) // 2
