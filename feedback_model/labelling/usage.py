"""Usage as an endpoint tells it, and as it is booked: what cannot be is unknown, and said.

What is unknown is booked at the most that the request may have cost, so that a budget holds whatever an endpoint says.
"""

from collections.abc import Mapping
from typing import Any, Final

from feedback_model.labelling.pricing import Usage

MOST_TOKENS: Final = 10**9  # of one response: a thousand times the longest there are, and half of what a column holds
_SHOWN: Final = 24  # characters of a value that was no number of tokens
_NAMES: Final = ("prompt_tokens", "cached_tokens", "completion_tokens")


def read_usage(told: Mapping[str, Any], *, answered: bool) -> tuple[Usage, str]:
    """Read the `usage` of a response, in tokens, with the doubt about it; empty where it can be as it was told.

    Args:
        told: as it came, of whatever types.
        answered: the response has text, which takes tokens of either kind.
    """
    details = told.get("prompt_tokens_details")
    said = (
        told.get("prompt_tokens"),
        details.get("cached_tokens") if isinstance(details, dict) else None,
        told.get("completion_tokens"),
    )
    booked = _possible(*map(_count, said), answered=answered)
    is_known = booked.prompt_tokens is not None and booked.completion_tokens is not None
    as_booked = (booked.prompt_tokens, booked.cached_tokens, booked.completion_tokens)
    if as_booked == said and (is_known or not answered):
        return booked, ""
    return booked, f"{_show(said)}, booked as {_show(as_booked)}"


def _possible(prompt: int | None, cached: int | None, completion: int | None, *, answered: bool) -> Usage:
    if answered:
        prompt, completion = prompt or None, completion or None
    if prompt is None or cached is None:
        return Usage(prompt, None, completion)
    return Usage(prompt, min(cached, prompt), completion)


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


def _show(values: tuple[object, ...]) -> str:
    return ", ".join(f"{name} {_show_value(value)}" for name, value in zip(_NAMES, values, strict=True))


def _show_value(value: object) -> str:
    if value is None:
        return "unknown"
    return repr(value)[:_SHOWN] if isinstance(value, int | float | str) else f"of type {type(value).__name__}"
