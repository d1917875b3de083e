"""When the next request may be sent: evenly, at the limit, whatever the limit is and however it moves. Pure: told the time.

The provider has a bucket of requests and one of tokens that refill steadily (requested output is charged before it is
written). Sending exactly at the rate of refilling keeps them nearly full and uses all of it. Where headers tell the limit,
the rate is known, and how full the bucket is corrects our idea of what a request is charged: a controller with an integral
part (Åström and Hägglund, PID Controllers, 1995) keeps the bucket a little below full, where nothing is wasted and nothing
refused. Where headers tell nothing, the rate doubles until something is refused, is set to what was accepted meanwhile, and
then creeps up faster and faster until the next refusal (as TCP CUBIC does, RFC 9438). One refusal among many answers, at a
rate that passed before, is chance and changes nothing.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Resource = Literal["requests", "tokens"]

FIRST_RATE: Final = 8.0  # requests per second before anything is known
WINDOW: Final = 2.0  # seconds of refilling by which a bucket may be emptied, if it holds as much
EMPTIED: Final = 0.3  # of that window: where the controller keeps the bucket
PROPORTIONAL: Final = 0.4  # both for replies that come at once; late news calls for gentler corrections
INTEGRAL: Final = 0.25  # per second
FEWEST: Final = 4.0  # units that a bucket must hold before what is left in it says anything
CATCH_UP: Final = 0.25  # seconds by which sending may lag and be made up for; an event loop stalls now and then
BACK_OFF: Final = 0.993  # of what was accepted, after a refusal that headers did not foretell
GROWTH: Final = 0.003  # per second, when the rate begins to creep up; doubles every GROWTH_DOUBLES seconds
GROWTH_DOUBLES: Final = 2.5
FASTEST_GROWTH: Final = 0.5
ALIKE: Final = 0.05  # two limits found in a row that differ by less are one limit: it is left alone for longer
SHORTEST_COOL_DOWN: Final = 1.0
LONGEST_COOL_DOWN: Final = 40.0  # seconds at a limit that was found again and again, before it is tried once more
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
    """What the headers of one reply say of one resource."""

    per_second: float
    """The limit."""
    remaining: float | None
    """What is left in the bucket, if it is said."""


@dataclass(slots=True)
class Meter:
    """One resource: how fast it may be used."""

    share: float = 1.0
    """Of the limit: others use the rest."""
    limit: float | None = None
    """Units per second for all, as told."""
    gain: float = 1.0
    """What the controller found the told limit to be worth in units as we count them."""
    capacity: float = 0.0
    """The most that was ever left in the bucket."""
    emptied: float = EMPTIED
    """How far below full it is, in windows; where the controller wants it until anything is known."""
    delay: float = 0.0
    """Seconds from sending to a reply's headers, smoothed."""
    corrected_at: float | None = None
    lowest_gain: float = 0.5
    highest_gain: float = 1.05

    def rate(self) -> float | None:
        """Units per second for us; None where nothing limits."""
        if self.limit is None:
            return None
        return self.limit * self.share * self.gain * (1 + PROPORTIONAL / (1 + self.delay) * self._error())

    def learn(self, told: AdvertisedLimit, sent_at: float, now: float, *, binding: bool) -> None:
        """Take in what a reply says; only a resource that holds us up is corrected, or the other would wind up."""
        self.delay += 0.1 * (now - sent_at - self.delay)
        if self.limit is None or abs(told.per_second - self.limit) > 1e-3 * self.limit:
            self.limit, self.gain, self.capacity, self.emptied = told.per_second, 1.0, 0.0, EMPTIED
            self.corrected_at = now
        if told.remaining is None:
            return
        self.capacity = max(self.capacity, told.remaining)
        window = min(self.capacity, WINDOW * told.per_second)
        self.emptied = (self.capacity - told.remaining) / window if window >= FEWEST else EMPTIED
        elapsed = min(1.0, now - (now if self.corrected_at is None else self.corrected_at))
        self.corrected_at = now
        if binding:
            self.gain *= 1 + INTEGRAL / (1 + self.delay) ** 2 * elapsed * self._error()
            self.gain = max(self.lowest_gain, min(self.highest_gain, self.gain))

    def _error(self) -> float:
        return max(-1.0, min(1.0, EMPTIED - self.emptied))


@dataclass(slots=True)
class RateController:
    """The schedule of one process. Times are seconds of any one clock."""

    requests: Meter = field(default_factory=Meter)
    tokens: Meter = field(default_factory=lambda: Meter(lowest_gain=0.1, highest_gain=8.0))
    # A server charges output before it is written, and counts input by its own rule: our count may be far off.
    _next: float = 0.0
    _held_until: float = 0.0
    _found: float | None = None
    """Requests per second that were accepted when the last refusal came that no header explained; None before the first."""
    _guess: float = FIRST_RATE
    _guessed_at: float | None = None
    _slowed_at: float = -1.0
    _cool_down: float = SHORTEST_COOL_DOWN
    _hold_off: float = FIRST_HOLD_OFF
    """How long the next refusal may hold up everyone: one that asks for minutes while others pass is not believed at once."""
    _heard: bool = False
    """Whether anything was accepted yet; until then the rate stays as it begins."""
    _passed: int = 0
    """Requests sent since we last slowed down and not refused, as far as is known."""
    _counted_from: float | None = None
    """When we last slowed down, or the first request went."""
    _sent: int = 0
    _refused: deque[int] = field(default_factory=lambda: deque[int](maxlen=RANDOM_REFUSALS_IF_ADVERTISED[0]))
    """How many were sent when the latest refusals came."""
    _binding: Resource = "requests"

    def slot(self, tokens: float, now: float) -> float:
        """When the next request may go, if it is charged `tokens`; calling this takes the slot."""
        start = max(self._next, now - CATCH_UP, self._held_until)
        by_resource = self._intervals(tokens, now)
        self._binding = max(by_resource, key=lambda resource: by_resource[resource])
        self._next = start + by_resource[self._binding]
        self._counted_from = start if self._counted_from is None else self._counted_from
        self._passed += 1
        self._sent += 1
        return max(start, now)

    def share_limit_with(self, others: int) -> None:
        """Leave equal parts of the limit to so many other processes."""
        self.requests.share = self.tokens.share = 1 / (1 + others)

    def limit_per_minute(self) -> float | None:
        """Requests per minute that we now think we may send; None where nothing has shown a limit."""
        rates = [self.requests.rate(), None if self._found is None else self._guess]
        return min((60 * rate for rate in rates if rate is not None), default=None)

    def note_response(self, told: Mapping[Resource, AdvertisedLimit], sent_at: float, now: float) -> None:
        """A request that was sent at `sent_at` was accepted; its headers said `told`."""
        self._heard, self._hold_off = True, FIRST_HOLD_OFF
        self._take_in(told, sent_at, now)

    def note_refusal(self, told: Mapping[Resource, AdvertisedLimit], wait: float, sent_at: float, now: float) -> None:
        """A request that was sent at `sent_at` was refused for a limit, with the advice to wait.

        What was sent before we last slowed down was on its way already, and says nothing new.
        """
        self._take_in(told, sent_at, now)
        self._passed = max(0, self._passed - 1)
        explained = _is_empty(told)
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
        self._slowed_at = self._counted_from = self._held_until  # waiting tells nothing of the rate
        self._passed = 0
        self._refused.clear()

    def _is_believed(self, *, explained: bool) -> bool:
        """Whether a refusal is for a limit: gateways refuse some requests by chance, and a busy server a few more."""
        random_refusals, requests = RANDOM_REFUSALS if self.requests.limit is None else RANDOM_REFUSALS_IF_ADVERTISED
        many = len(self._refused) >= random_refusals and self._sent - self._refused[-random_refusals] < requests
        self._refused.append(self._sent)
        tried_more = self._cool_down > SHORTEST_COOL_DOWN and self._found is not None and self._guess >= self._found
        return explained or many or tried_more

    def _take_in(self, told: Mapping[Resource, AdvertisedLimit], sent_at: float, now: float) -> None:
        meters: dict[Resource, Meter] = {"requests": self.requests, "tokens": self.tokens}
        for resource, meter in meters.items():
            if resource in told:
                meter.learn(told[resource], sent_at, now, binding=self._binding == resource)

    def _intervals(self, tokens: float, now: float) -> dict[Resource, float]:
        rate = self._rate(now)
        token_rate = self.tokens.rate()
        return {"requests": 1 / rate, "tokens": tokens / token_rate if token_rate else 0.0}

    def _rate(self, now: float) -> float:
        """Requests per second; what was found holds beside what is told, because headers may not tell every limit."""
        told = self.requests.rate()
        if told is None:
            return self._guessed_rate(now)
        if self._found is None:
            return told
        self._guess = min(self._guessed_rate(now), told)
        return self._guess

    def _guessed_rate(self, now: float) -> float:
        """Where no header tells: doubled every second at first, later crept up from the last refusal."""
        elapsed = now - (now if self._guessed_at is None else self._guessed_at)
        self._guessed_at = now
        if self._found is None:
            self._guess *= 2.0 ** min(elapsed, 1.0) if self._heard else 1.0
            return self._guess
        creeping = now - self._slowed_at - self._cool_down
        if creeping > 0:
            growth = min(FASTEST_GROWTH, GROWTH * 2.0 ** (creeping / GROWTH_DOUBLES))
            self._guess *= 1 + growth * min(elapsed, 1.0)
        return self._guess

    def _slow_guess(self, now: float) -> None:
        """Go on at what passed since the last refusal: the bucket was empty then and is now, so it is what refilled it."""
        refilled = self._passed / max(SHORTEST, now - (now if self._counted_from is None else self._counted_from))
        told = self.requests.rate()
        if self._found is None and told is None:
            found = self._guess / 2  # it doubled every second, and the first bucket was full
        else:
            found = min(self._guess if self._found is not None or told is None else told, refilled)
        alike = self._found is not None and abs(found - self._found) < ALIKE * self._found
        self._cool_down = min(LONGEST_COOL_DOWN, self._cool_down * 2) if alike else SHORTEST_COOL_DOWN
        self._found, self._guess = found, max(0.1, found * BACK_OFF)


def _is_empty(told: Mapping[Resource, AdvertisedLimit]) -> bool:
    """Whether headers say of a bucket that it is all but empty."""
    return any(each.remaining < NEARLY_EMPTY * each.per_second for each in told.values() if each.remaining is not None)


def read_limits(headers: Mapping[str, str]) -> dict[Resource, AdvertisedLimit]:
    """What a reply's headers tell, in OpenAI's names; limits that make no sense (Azure sends -1 and 0) count as not told."""
    told: dict[Resource, AdvertisedLimit] = {}
    resources: tuple[Resource, ...] = get_args(Resource)
    for resource in resources:
        limit = _number(headers.get(f"x-ratelimit-limit-{resource}"))
        remaining = _number(headers.get(f"x-ratelimit-remaining-{resource}"))
        if limit is not None and limit > 0:
            told[resource] = AdvertisedLimit(limit / 60, None if remaining is None or remaining < 0 else remaining)
    return told


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
