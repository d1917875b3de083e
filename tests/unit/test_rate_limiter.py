"""The schedule against a simulated provider: buckets that refill, refusals that are charged, headers or none. No clock runs."""

import heapq
import random
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_model.labelling.rate_limiter import AdvertisedLimit, RateController, Resource, read_limits

CHARGED = 1300.0  # tokens that the provider counts for a request


@dataclass
class Provider:
    """Buckets of one second's worth, full at the start; limits per second may move at given times."""

    requests: float
    tokens: float = 0.0
    headers: tuple[Resource, ...] = ("requests", "tokens")
    moves: list[tuple[float, float]] = field(default_factory=list)
    at: float = 0.0
    random_refusals: float = 0.0
    """Share of requests that are refused by chance."""
    dice: random.Random = field(default_factory=lambda: random.Random(3))
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = {"requests": max(1.0, self.requests), "tokens": self.tokens}

    def ask(self, now: float) -> tuple[bool, dict[Resource, AdvertisedLimit], float]:
        if self.moves and now >= self.moves[0][0]:
            self.requests = self.moves.pop(0)[1]
        for name, limit in (("requests", self.requests), ("tokens", self.tokens)):
            self.left[name] = min(max(1.0, limit), self.left[name] + limit * (now - self.at))
        self.at = now
        waits = [(1 - self.left["requests"]) / self.requests]
        waits += [(CHARGED - self.left["tokens"]) / self.tokens] if self.tokens else []
        stray = self.dice.random() < self.random_refusals
        passes = max(waits) <= 0 and not stray
        (self.accepted if passes else self.refused).append(now)
        self.left["requests"] = max(0.0, self.left["requests"] - 1)
        self.left["tokens"] -= CHARGED * passes
        return (
            passes,
            {name: self._told(name) for name in self.headers if name == "requests" or self.tokens},
            max(float(stray), *waits),
        )

    def _told(self, name: Resource) -> AdvertisedLimit:
        return AdvertisedLimit(
            self.requests if name == "requests" else self.tokens, float(int(max(0.0, self.left[name])))
        )

    def share(self, start: float, end: float) -> float:
        limit = min(self.requests, self.tokens / CHARGED if self.tokens else self.requests)
        return sum(start <= each < end for each in self.accepted) / (limit * (end - start))


def drive(provider: Provider, seconds: float, *, paces: int = 1, latency: float = 0.6, guess: float = CHARGED) -> None:
    """Send as scheduled: each process asks for its next slot when the last one was used."""
    rng, number, events = random.Random(1), count(), list[tuple]()
    schedules = [RateController() for _ in range(paces)]
    for place, pace in enumerate(schedules):
        pace.share_limit_with(paces - 1)
        heapq.heappush(events, (place * 0.01, next(number), pace, None))
    while events and events[0][0] < seconds:
        now, _, pace, news = heapq.heappop(events)
        if news is not None:
            passed, told, wait, sent_at = news
            pace.note_response(told, sent_at, now) if passed else pace.note_refusal(told, wait, sent_at, now)
            continue
        passed, told, wait = provider.ask(now)
        delay = latency * rng.lognormvariate(0, 0.5) if passed else 0.02
        heapq.heappush(events, (now + delay, next(number), pace, (passed, told, wait, now)))
        heapq.heappush(events, (pace.slot(guess, now) + rng.random() * 0.004, next(number), pace, None))


@pytest.mark.parametrize("latency", [0.1, 0.6, 2.0])
@pytest.mark.parametrize(("requests", "tokens"), [(83.3, 0.0), (8.3, 0.0), (83.3, 33_000.0), (500.0, 0.0)])
def test_an_advertised_limit_is_used_to_99_percent(requests: float, tokens: float, latency: float) -> None:
    provider = Provider(requests, tokens)
    drive(provider, 120, latency=latency)
    assert provider.share(5 + 3 * latency, 120) >= 0.99
    assert len(provider.refused) <= 0.002 * len(provider.accepted) + 3


@pytest.mark.parametrize("guess", [700.0, 1000.0, 2000.0, 3000.0])
def test_a_wrong_token_estimate_is_corrected(guess: float) -> None:
    provider = Provider(500.0, 33_000.0)
    drive(provider, 120, guess=guess)
    assert provider.share(30, 120) >= 0.98
    assert len(provider.refused) <= 0.01 * len(provider.accepted)


def test_a_limit_that_nobody_tells_is_found() -> None:
    provider = Provider(83.3, headers=())
    drive(provider, 300)
    assert provider.share(0, 300) >= 0.99
    assert len(provider.refused) <= 0.002 * len(provider.accepted)


def test_a_moving_limit_is_followed_within_ten_seconds() -> None:
    provider = Provider(83.3, moves=[(60.0, 40.0), (120.0, 160.0)])
    drive(provider, 180)
    assert sum(70 <= each < 120 for each in provider.accepted) == pytest.approx(50 * 40.0, rel=0.03)
    assert sum(130 <= each < 180 for each in provider.accepted) == pytest.approx(50 * 160.0, rel=0.03)
    assert len(provider.refused) < 50


def test_processes_share_a_limit_evenly_and_fully() -> None:
    provider = Provider(83.3)
    drive(provider, 120, paces=4)
    assert provider.share(5, 120) >= 0.98
    assert len(provider.refused) <= 0.005 * len(provider.accepted)


@settings(max_examples=25, deadline=None)
@given(st.floats(2, 300), st.sampled_from([(), ("requests",), ("requests", "tokens")]), st.floats(0.05, 4))
def test_no_provider_is_stormed(requests: float, headers: tuple[Resource, ...], latency: float) -> None:
    provider = Provider(requests, headers=headers)
    drive(provider, 60, latency=latency)
    assert len(provider.refused) <= 0.1 * len(provider.accepted) + 16


def test_one_long_wait_does_not_hold_up_others() -> None:
    pace = RateController()
    for second in range(5):
        pace.note_response({"requests": AdvertisedLimit(10.0, 9.0)}, float(second), float(second))
    pace.note_refusal({}, 300.0, 5.0, 5.0)
    before = slot = pace.slot(1, 5.0)
    assert slot < 8
    while slot < 1000:  # nothing is accepted: now it is believed
        pace.note_refusal({}, 300.0, slot, slot)
        before, slot = slot, pace.slot(1, slot)
    assert slot - before > 250


@pytest.mark.parametrize(("headers", "at_least"), [(("requests",), 0.97), ((), 0.8)])
def test_random_refusals_are_not_taken_for_a_limit(headers: tuple[Resource, ...], at_least: float) -> None:
    provider = Provider(83.3, headers=headers, random_refusals=0.01)
    drive(provider, 180)
    assert provider.share(5, 180) >= at_least * 0.99


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_token_limit_nobody_tells_is_found(share: float) -> None:
    provider = Provider(83.3, share * 83.3 * CHARGED, headers=("requests",))
    drive(provider, 60)
    assert provider.share(5, 60) >= 0.97
    assert len(provider.refused) <= 0.02 * len(provider.accepted) + 30


def test_headers_that_make_no_sense_tell_nothing() -> None:
    assert read_limits({"x-ratelimit-limit-requests": "-1", "x-ratelimit-remaining-requests": "0"}) == {}
    assert read_limits({"x-ratelimit-limit-tokens": "many"}) == {}
    assert read_limits({"x-ratelimit-limit-requests": "600"}) == {"requests": AdvertisedLimit(10.0, None)}
