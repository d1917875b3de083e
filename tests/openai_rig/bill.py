"""What was charged: exact, for which request, whatever became of the reply."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

PRICES: Final = {
    "embedded-rubric-3": ("0", "0", "0"),
    "gpt-4o-mini": ("0.15", "0.075", "0.60"),  # openai.com/api/pricing, read on 2026-11-24
    "gpt-6-luna": ("0.10", "0.01", "0.50"),  # developers.openai.com/api/docs/models/gpt-6-luna, read on 2026-11-24
}
"""USD per million tokens of prompt, cached prompt and answer; not the service's own, whose errors would cancel."""


@dataclass(slots=True)
class Bill:
    """Everything since the stand-in was started."""

    requests: int = 0
    """Seen, refused ones too."""
    rejected: int = 0
    """Refused for a limit."""
    completions: int = 0
    """Charged; counted here, because adding up a million replies at each request takes longer than answering it."""
    replies: Counter[str] = field(default_factory=Counter[str])
    """Charged, by SHA-256 of what was asked: the system message, a newline, the user message."""
    by_request: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    """Replies and nano-dollars by X-Client-Request-Id or custom_id."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    nanos: Decimal = Decimal(0)
    """Billionths of a dollar; halves occur in batches."""

    def charge(
        self, asked: str, request_id: str, model: str, usage: dict[str, Any], share: Decimal = Decimal(1)
    ) -> None:
        """Add one reply."""
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        used = (usage["prompt_tokens"] - cached, cached, usage["completion_tokens"])
        parts = zip(used, PRICES.get(model, ()), strict=False)
        nanos = share * sum((tokens * Decimal(price) * 1000 for tokens, price in parts), Decimal(0))
        self.completions += 1
        self.replies[asked] += 1
        line = self.by_request.setdefault(request_id, [0, Decimal(0)])
        line[0] += 1
        line[1] += nanos
        self.nanos += nanos
        self.prompt_tokens += usage["prompt_tokens"]
        self.cached_tokens += cached
        self.completion_tokens += usage["completion_tokens"]

    def show(self) -> dict[str, Any]:
        return {**self.show_totals(), "replies": dict(self.replies)}

    def show_totals(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "rejected": self.rejected,
            "completions": self.completions,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "completion_tokens": self.completion_tokens,
            "usd": str(self.nanos / 10**9),
        }

    def show_requests(self) -> dict[str, Any]:
        return {name: {"replies": n, "usd": str(nanos / 10**9)} for name, (n, nanos) in self.by_request.items()}
