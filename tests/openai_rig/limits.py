"""Token buckets on requests and on tokens, one pair per key. Told the time; knows nothing of HTTP."""

from dataclasses import dataclass, field

from tests.openai_rig.options import Options


@dataclass(slots=True)
class Bucket:
    """Refills steadily; holds `burst` seconds' worth, at least one unit of what is asked for."""

    per_second: float
    burst: float
    level: float = 0.0
    filled_at: float = 0.0

    @property
    def capacity(self) -> float:
        return max(1.0, self.per_second * self.burst)

    def fill(self, now: float) -> None:
        self.level = min(self.capacity, self.level + (now - self.filled_at) * self.per_second)
        self.filled_at = now

    def wait_for(self, units: float) -> float:
        """Seconds until so many units are there."""
        return max(0.0, (min(units, self.capacity) - self.level) / self.per_second) if self.per_second else 0.0

    def change(self, per_second: float, now: float) -> None:
        self.fill(now)
        self.per_second = per_second
        self.level = min(self.level, self.capacity)


@dataclass(slots=True)
class Limits:
    """What one key may use."""

    options: Options
    requests: Bucket = field(init=False)
    tokens: Bucket = field(init=False)
    schedule: list[tuple[float, float, float]] = field(init=False)
    started_at: float | None = None

    def __post_init__(self) -> None:
        burst = self.options.burst_seconds
        self.requests = Bucket(self.options.requests_per_minute / 60, burst)
        self.tokens = Bucket(self.options.tokens_per_minute / 60, burst)
        self.schedule = [_step(each) for each in self.options.limit_schedule.split(",") if each]

    def admit(self, tokens: float, now: float) -> float:
        """Take one request of so many tokens: 0 if it may pass, else the seconds until it may."""
        if self.started_at is None:
            self.started_at = now
            for bucket in (self.requests, self.tokens):
                bucket.level, bucket.filled_at = bucket.capacity, now
        self._follow_schedule(now)
        wait = max(self._ask(self.requests, 1.0, now), self._ask(self.tokens, tokens, now))
        if not wait:
            self.requests.level -= 1.0
            self.tokens.level -= tokens
        elif self.options.charge_rejected and self.requests.per_second:
            self.requests.level = max(0.0, self.requests.level - 1.0)
        return wait

    @staticmethod
    def _ask(bucket: Bucket, units: float, now: float) -> float:
        if not bucket.per_second:
            return 0.0
        bucket.fill(now)
        return bucket.wait_for(units)

    def _follow_schedule(self, now: float) -> None:
        while self.schedule and now - (now if self.started_at is None else self.started_at) >= self.schedule[0][0]:
            _, requests, tokens = self.schedule.pop(0)
            self.requests.change(requests / 60, now)
            self.tokens.change(tokens / 60, now)

    def headers(self) -> dict[str, str]:
        """In OpenAI's names."""
        told = self.options.limit_headers
        if told == "none":
            return {}
        if told == "minus-one":
            return {
                f"x-ratelimit-{name}-{of}": value
                for name, value in (("limit", "-1"), ("remaining", "0"))
                for of in NAMES
            }
        shown = (
            {"requests": self.requests} if told == "requests" else {"requests": self.requests, "tokens": self.tokens}
        )
        headers: dict[str, str] = {}
        for name, bucket in shown.items():
            headers |= _headers_of(name, bucket)
        return headers


NAMES = ("requests", "tokens")
UNLIMITED = {"requests": 30_000, "tokens": 150_000_000}  # OpenAI's highest tier


def _headers_of(name: str, bucket: Bucket) -> dict[str, str]:
    limit = round(bucket.per_second * 60) or UNLIMITED[name]
    remaining = int(max(0.0, bucket.level)) if bucket.per_second else limit - 1
    reset = (bucket.capacity - bucket.level) / bucket.per_second if bucket.per_second else 0.0
    return {
        f"x-ratelimit-limit-{name}": str(limit),
        f"x-ratelimit-remaining-{name}": str(remaining),
        f"x-ratelimit-reset-{name}": go_duration(reset),
    }


def go_duration(seconds: float) -> str:
    """`12ms`, `1.5s`, `6m0s`, as Go prints durations."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{round(seconds, 3):g}s"
    return f"{int(seconds // 60)}m{round(seconds % 60):d}s"


def _step(text: str) -> tuple[float, float, float]:
    after, limits = text.split(":")
    requests, tokens = limits.split("/")
    return float(after), float(requests), float(tokens)
