"""Rate limiter: evenly, at the endpoint's limit, however that moves.

The provider has a bucket of requests and one of tokens that refill steadily (requested output is charged before it is
written); sending exactly at that rate uses all of it. Where headers advertise the limit, an integral controller (Åström and
Hägglund, PID Controllers, 1995) corrects our idea of what a request is charged, and keeps the bucket a little below full:
nothing is wasted, nothing refused. Where they do not, the rate doubles until something is refused, is set to what was accepted
meanwhile, and creeps up faster and faster until the next refusal (as TCP CUBIC does, RFC 9438). One refusal among many answers,
at a rate that passed before, is chance and changes nothing. The controller is pure: it is told the time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from feedback_model.progress import check_stop
from feedback_model.waiting import Waiting

Resource = Literal["requests", "tokens"]
RESOURCES: Final[tuple[Resource, ...]] = get_args(Resource)

TICK: Final = 0.25  # seconds between looks at a request to stop
FIRST_RATE: Final = 8.0  # requests per second before anything is known
WINDOW: Final = 2.0  # seconds of refilling by which a bucket may be emptied, if it holds as much
EMPTIED: Final = 0.3  # of that window: where the controller keeps the bucket
PROPORTIONAL: Final = 0.4  # both for responses that come at once; late ones call for gentler corrections
INTEGRAL: Final = 0.25  # per second
FEWEST: Final = 4.0  # units that a bucket must hold before what is left in it says anything
CATCH_UP: Final = 0.25  # seconds by which sending may lag and be made up for; an event loop stalls now and then
BACK_OFF: Final = 0.993  # of what was accepted, after a refusal that headers did not foretell
GROWTH: Final = 0.003  # per second, when the rate begins to creep up; doubles every GROWTH_DOUBLES seconds
GROWTH_DOUBLES: Final = 2.5
FASTEST_GROWTH: Final = 0.5
ALIKE: Final = 0.05  # two inferred limits in a row that differ by less are one: it is kept for longer
SHORTEST_COOL_DOWN: Final = 1.0
LONGEST_COOL_DOWN: Final = 40.0  # seconds at a limit that was inferred again and again, before it is exceeded once more
CUSHION: Final = 0.05  # seconds of refilling beyond the wait that was asked for, so that the next ones find a little
SHORTEST: Final = 0.5  # seconds that make a rate
LESS: Final = 0.97  # of the gain, after a refusal
FIRST_HOLD_OFF: Final = 2.0  # seconds for which one refusal may hold up everyone; doubles while nothing is accepted
# Refusals among so many requests that may have come by chance, at a rate that was accepted before.
RANDOM_REFUSALS: Final = (2, 20)
RANDOM_REFUSALS_IF_ADVERTISED: Final = (7, 160)  # where headers say that there is enough left
NEARLY_EMPTY: Final = 0.1  # seconds of refilling that are left in a bucket which may have refused


@dataclass(frozen=True, slots=True)
class AdvertisedLimit:
    """Limit of one resource, as the headers of a response tell it."""

    per_second: float
    """The limit."""
    remaining: float | None
    """Left in the bucket; None where that is not told."""


@dataclass(slots=True)
class Meter:
    """Rate of one resource."""

    share: float = 1.0
    """Of the limit: others use the rest."""
    limit: float | None = None
    """Units per second for all, as advertised."""
    gain: float = 1.0
    """Factor from the advertised limit to units as we count them."""
    capacity: float = 0.0
    """The most that was ever left in the bucket."""
    emptied: float = EMPTIED
    """Distance below full, in windows; where the controller wants it until anything is known."""
    delay: float = 0.0
    """Seconds from sending to a response's headers, smoothed."""
    corrected_at: float | None = None
    lowest_gain: float = 0.5
    highest_gain: float = 1.05

    def rate(self) -> float | None:
        """Compute the units per second for us; None where nothing limits."""
        if self.limit is None:
            return None
        return self.limit * self.share * self.gain * (1 + PROPORTIONAL / (1 + self.delay) * self._error())

    def learn(self, advertised: AdvertisedLimit, sent_at: float, now: float, *, binding: bool) -> None:
        """Learn from a response; only a resource that holds us up is corrected, or the other would wind up."""
        self.delay += 0.1 * (now - sent_at - self.delay)
        if self.limit is None or abs(advertised.per_second - self.limit) > 1e-3 * self.limit:
            self.limit, self.gain, self.capacity, self.emptied = advertised.per_second, 1.0, 0.0, EMPTIED
            self.corrected_at = now
        if advertised.remaining is None:
            return
        self.capacity = max(self.capacity, advertised.remaining)
        window = min(self.capacity, WINDOW * advertised.per_second)
        self.emptied = (self.capacity - advertised.remaining) / window if window >= FEWEST else EMPTIED
        elapsed = min(1.0, now - (now if self.corrected_at is None else self.corrected_at))
        self.corrected_at = now
        if binding:
            self.gain *= 1 + INTEGRAL / (1 + self.delay) ** 2 * elapsed * self._error()
            self.gain = max(self.lowest_gain, min(self.highest_gain, self.gain))

    def _error(self) -> float:
        return max(-1.0, min(1.0, EMPTIED - self.emptied))


@dataclass(slots=True)
class RateController:
    """Schedule of one process. Times are seconds of any one clock."""

    requests: Meter = field(default_factory=Meter)
    tokens: Meter = field(default_factory=lambda: Meter(lowest_gain=0.1, highest_gain=8.0))
    # A server charges output before it is written, and counts input by its own rule: our count may be far off.
    _next: float = 0.0
    _held_until: float = 0.0
    _inferred: float | None = None
    """Requests per second that were accepted when the last refusal came that no header explained; None before the first."""
    _guess: float = FIRST_RATE
    _guessed_at: float | None = None
    _slowed_at: float = -1.0
    _cool_down: float = SHORTEST_COOL_DOWN
    _hold_off: float = FIRST_HOLD_OFF
    """Seconds for which the next refusal may hold up everyone, whatever it asks for while others pass."""
    _heard: bool = False
    """True once anything was accepted; until then the rate stays as it begins."""
    _passed: int = 0
    """Requests sent since we last slowed down and not refused, as far as is known."""
    _counted_from: float | None = None
    """Time when we last slowed down, or the first request went."""
    _sent: int = 0
    _refused: deque[int] = field(default_factory=lambda: deque[int](maxlen=RANDOM_REFUSALS_IF_ADVERTISED[0]))
    """Requests sent before each of the latest refusals."""
    _binding: Resource = "requests"

    def slot(self, tokens: float, now: float) -> float:
        """Take the next slot of a request that is charged `tokens`; returns its time."""
        start = max(self._next, now - CATCH_UP, self._held_until)
        rate, token_rate = self._rate(now), self.tokens.rate()
        intervals: dict[Resource, float] = {"requests": 1 / rate, "tokens": tokens / token_rate if token_rate else 0.0}
        self._binding = max(intervals, key=lambda resource: intervals[resource])
        self._next = start + intervals[self._binding]
        self._counted_from = start if self._counted_from is None else self._counted_from
        self._passed += 1
        self._sent += 1
        return max(start, now)

    def share_limit_with(self, others: int) -> None:
        """Leave equal parts of the limit to so many other processes."""
        self.requests.share = self.tokens.share = 1 / (1 + others)

    def allowed_per_second(self) -> float | None:
        """Estimate the requests a second that we may send; None where nothing has shown a limit."""
        rates = [self.requests.rate(), None if self._inferred is None else self._guess]
        return min((rate for rate in rates if rate is not None), default=None)

    def note_response(self, limits: Mapping[Resource, AdvertisedLimit], sent_at: float, now: float) -> None:
        """Note that a request sent at `sent_at` was accepted, with the limits of its headers."""
        self._heard, self._hold_off = True, FIRST_HOLD_OFF
        self._learn(limits, sent_at, now)

    def note_refusal(self, limits: Mapping[Resource, AdvertisedLimit], wait: float, sent_at: float, now: float) -> None:
        """Note that a request sent at `sent_at` was refused for a limit, with the advice to wait."""
        self._learn(limits, sent_at, now)
        self._passed = max(0, self._passed - 1)
        explained = _is_empty(limits)
        # One sent before we last slowed down was on its way already, and says nothing new.
        if sent_at < self._slowed_at or not self._is_believed(explained=explained):
            return
        self._held_until = max(self._held_until, now + min(wait, self._hold_off) + CUSHION)
        self._hold_off *= 2
        if now - self._slowed_at < SHORTEST:
            return
        if not explained:
            self._slow_guess(now)
        meter = self.tokens if self._binding == "tokens" else self.requests
        meter.gain = max(meter.lowest_gain, meter.gain * LESS)
        self._slowed_at = self._counted_from = self._held_until  # a wait says nothing about the rate
        self._passed = 0
        self._refused.clear()

    def _is_believed(self, *, explained: bool) -> bool:
        """Tell whether a refusal is for a limit: gateways refuse some requests by chance, and a busy server a few more."""
        random_refusals, requests = RANDOM_REFUSALS if self.requests.limit is None else RANDOM_REFUSALS_IF_ADVERTISED
        many = len(self._refused) >= random_refusals and self._sent - self._refused[-random_refusals] < requests
        self._refused.append(self._sent)
        exceeded = self._inferred is not None and self._guess >= self._inferred
        return explained or many or (exceeded and self._cool_down > SHORTEST_COOL_DOWN)

    def _learn(self, limits: Mapping[Resource, AdvertisedLimit], sent_at: float, now: float) -> None:
        meters: dict[Resource, Meter] = {"requests": self.requests, "tokens": self.tokens}
        for resource, meter in meters.items():
            if resource in limits:
                meter.learn(limits[resource], sent_at, now, binding=self._binding == resource)

    def _rate(self, now: float) -> float:
        """Choose the requests per second; an inferred limit holds beside the advertised one: headers may not tell every limit."""
        advertised = self.requests.rate()
        if advertised is None:
            return self._guessed_rate(now)
        if self._inferred is None:
            return advertised
        self._guess = min(self._guessed_rate(now), advertised)
        return self._guess

    def _guessed_rate(self, now: float) -> float:
        """Guess where no header tells: doubled every second at first, later crept up from the last refusal."""
        elapsed = now - (now if self._guessed_at is None else self._guessed_at)
        self._guessed_at = now
        if self._inferred is None:
            self._guess *= 2.0 ** min(elapsed, 1.0) if self._heard else 1.0
            return self._guess
        creeping = now - self._slowed_at - self._cool_down
        if creeping > 0:
            growth = min(FASTEST_GROWTH, GROWTH * 2.0 ** (creeping / GROWTH_DOUBLES))
            self._guess *= 1 + growth * min(elapsed, 1.0)
        return self._guess

    def _slow_guess(self, now: float) -> None:
        """Slow down to what passed since the last refusal: the bucket was empty then and is now, so that is what refilled it."""
        refilled = self._passed / max(SHORTEST, now - (now if self._counted_from is None else self._counted_from))
        advertised = self.requests.rate()
        if self._inferred is None and advertised is None:
            inferred = self._guess / 2  # it doubled every second, and the first bucket was full
        else:
            inferred = min(self._guess if self._inferred is not None or advertised is None else advertised, refilled)
        alike = self._inferred is not None and abs(inferred - self._inferred) < ALIKE * self._inferred
        self._cool_down = min(LONGEST_COOL_DOWN, self._cool_down * 2) if alike else SHORTEST_COOL_DOWN
        self._inferred, self._guess = inferred, max(0.1, inferred * BACK_OFF)


def _is_empty(limits: Mapping[Resource, AdvertisedLimit]) -> bool:
    """Tell whether headers say of a bucket that it is all but empty."""
    return any(
        each.remaining < NEARLY_EMPTY * each.per_second for each in limits.values() if each.remaining is not None
    )


def read_limits(headers: Mapping[str, str]) -> dict[Resource, AdvertisedLimit]:
    """Read the limits in a response's headers, by OpenAI's names; impossible ones (Azure sends -1 and 0) count as not told."""
    limits: dict[Resource, AdvertisedLimit] = {}
    for resource in RESOURCES:
        limit = _number(headers.get(f"x-ratelimit-limit-{resource}"))
        remaining = _number(headers.get(f"x-ratelimit-remaining-{resource}"))
        if limit is not None and limit > 0:
            limits[resource] = AdvertisedLimit(limit / 60, None if remaining is None or remaining < 0 else remaining)
    return limits


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


class RateLimiter:
    """FIFO rate limiter shared by all requests of a process."""

    def __init__(self) -> None:
        self._controller = RateController()
        # Only the first in line has a slot, so that a change of rate reaches everyone behind at once.
        self._line = asyncio.Lock()
        self._passed = 0
        self._opened_at = time.monotonic()

    async def wait_turn(self, tokens: float) -> None:
        """Return when a request that is charged `tokens` may be sent.

        Raises:
            Interrupted: a stop was requested.
        """
        async with self._line:
            slot = self._controller.slot(tokens, time.monotonic())
            way_out = "Ctrl-C stops this command; what is paid for is kept"
            waiting = Waiting(
                "the endpoint's rate limit", way_out, lambda: f"next request in {slot - time.monotonic():.0f} s"
            )
            while (wait := slot - time.monotonic()) > 0:
                await asyncio.sleep(min(TICK, wait))
                check_stop()
                waiting.look()
        self._passed += 1

    def note_response(self, headers: Mapping[str, str], sent_at: float) -> None:
        """Note that a request sent at `sent_at` (of `time.monotonic`) was accepted."""
        self._controller.note_response(read_limits(headers), sent_at, time.monotonic())

    def note_refusal(self, headers: Mapping[str, str], wait: float, sent_at: float) -> None:
        """Note that a request sent at `sent_at` was refused for a limit."""
        self._controller.note_refusal(read_limits(headers), wait, sent_at, time.monotonic())

    def share_limit_with(self, others: int) -> None:
        """Leave equal parts of the limit to so many other processes."""
        self._controller.share_limit_with(others)

    def status(self) -> str:
        """Write the rate so far, and the limit if it is known: `sending 12.3 requests/s of 83.3 allowed`."""
        rate = self._passed / max(1e-3, time.monotonic() - self._opened_at)
        allowed = self._controller.allowed_per_second()
        return f"sending {rate:.1f} requests/s" + (f" of {allowed:.1f} allowed" if allowed else "")
