"""What was charged: exact, for which request, whatever became of the reply."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from feedback_model.labelling.pricing import price_of


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
        price = price_of(model)
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        nanos = Decimal(0)
        if price is not None:
            parts = ((usage["prompt_tokens"] - cached, price.prompt), (cached, price.cached))
            parts = (*parts, (usage["completion_tokens"], price.completion))
            nanos = share * sum((Decimal(tokens) * Decimal(str(each)) * 1000 for tokens, each in parts), Decimal(0))
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
