"""An open-loop client: requests come at their times, whatever became of those before.

Latency is counted from the moment a request was due, so a client that falls behind hides nothing.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

LONGEST = 120.0  # seconds after which an answer counts as lost


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as its client saw it."""

    due: float
    """Seconds from the first."""
    seconds: float
    """From when it was due to the last byte of its answer."""
    status: int | None
    """None where there was no answer."""


@dataclass(frozen=True, slots=True)
class Load:
    """What became of all requests at one rate."""

    sent: tuple[Sent, ...]

    def count(self, *statuses: int | None) -> int:
        return sum(each.status in statuses for each in self.sent)

    def percentile(self, share: float) -> float | None:
        """Seconds within which a share of the answers came; None where there were none."""
        answered = sorted(each.seconds for each in self.sent if each.status == 200)
        return answered[min(len(answered) - 1, int(share * len(answered)))] if answered else None

    def others(self) -> str:
        """What there was beside answers and refusals, by status."""
        counts = Counter(each.status for each in self.sent if each.status not in {200, 429})
        return (
            ", ".join(f"{count} {'without answer' if status is None else status}" for status, count in counts.items())
            or "none"
        )


def poisson_times(rate: float, count: int, seed: int) -> list[float]:
    """Times of `count` requests, in seconds, that come `rate` times a second on average and know nothing of each other."""
    draw, now, times = random.Random(seed), 0.0, []
    for _ in range(count):
        times.append(now)
        now += draw.expovariate(rate)
    return times


def send_all(
    url: str, headers: dict[str, str], bodies: Sequence[Any], times: Sequence[float], longest: float = LONGEST
) -> Load:
    """Post each body at its time, and return what became of them."""
    return asyncio.run(_send_all(url, headers, bodies, times, longest))


async def _send_all(
    url: str, headers: dict[str, str], bodies: Sequence[Any], times: Sequence[float], longest: float
) -> Load:
    timeout = aiohttp.ClientTimeout(total=longest)
    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(limit=0), timeout=timeout
    ) as session:
        start = time.perf_counter() + 0.1

        async def send(body: Any, due: float) -> Sent:
            await asyncio.sleep(start + due - time.perf_counter())
            try:
                async with session.post(url, json=body) as response:
                    await response.read()
                    status = response.status
            except (aiohttp.ClientError, TimeoutError):
                status = None
            return Sent(due, time.perf_counter() - start - due, status)

        return Load(tuple(await asyncio.gather(*map(send, bodies, times))))
