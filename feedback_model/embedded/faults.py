"""What the embedded endpoint can be asked to do wrong, and the limiter that refuses requests above a rate.

Knows nothing of HTTP: `Faults` says how often, `choose_fault` draws, `RateLimit` counts.
"""

import random
import time
from dataclasses import dataclass, fields
from typing import Literal

Fault = Literal["rate_limited", "server_error", "hang", "reset", "nonsense", "truncated", "refusal"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Everything the endpoint does wrong on request; the default does nothing wrong."""

    requests_per_minute: float = 0.0
    """Requests admitted per minute, enforced over each second; 0 means no limit."""
    rate_limited_rate: float = 0.0
    """Share of requests, 0..1, answered 429 `rate_limit_exceeded`."""
    server_error_rate: float = 0.0
    """Share answered 500."""
    hang_rate: float = 0.0
    """Share never answered."""
    reset_rate: float = 0.0
    """Share whose connection is cut before the answer."""
    nonsense_rate: float = 0.0
    """Share answered, and charged, with text that is no feedback."""
    truncated_rate: float = 0.0
    """Share answered, and charged, with half an answer and `finish_reason` `length`."""
    refusal_rate: float = 0.0
    """Share answered, and charged, with a refusal."""
    delay: float = 0.0
    """Seconds before every answer."""
    quota: int = 0
    """Replies after which every request gets 429 `insufficient_quota`; 0 means no end."""
    seed: int = 0
    """Of the draws."""


_RATES: tuple[tuple[Fault, str], ...] = tuple(
    (field.name.removesuffix("_rate"), field.name)  # type: ignore[misc]  # the field names are the faults
    for field in fields(Faults)
    if field.name.endswith("_rate")
)


def choose_fault(faults: Faults, random_: random.Random) -> Fault | None:
    """Draw what goes wrong with one request; None where nothing does."""
    drawn = random_.random()
    for fault, field in _RATES:
        drawn -= getattr(faults, field)
        if drawn < 0:
            return fault
    return None


class RateLimit:
    """A bucket that refills steadily and holds one second's worth of requests, at least one."""

    def __init__(self, per_minute: float) -> None:
        self.per_second = per_minute / 60
        self._capacity = max(self.per_second, 1.0)
        self._level = self._capacity
        self._filled_at = time.monotonic()

    def admit(self) -> float:
        """Take one request: 0 if it may pass, else the seconds until one may."""
        if not self.per_second:
            return 0.0
        now = time.monotonic()
        self._level = min(self._level + (now - self._filled_at) * self.per_second, self._capacity)
        self._filled_at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self.per_second

    @property
    def remaining(self) -> int:
        """Requests that may pass at once."""
        return int(self._level)

    @property
    def seconds_to_full(self) -> float:
        """Seconds until the bucket is full again, as OpenAI's reset header has it."""
        return (self._capacity - self._level) / self.per_second if self.per_second else 0.0
