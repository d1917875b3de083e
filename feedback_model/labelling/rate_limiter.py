"""Lets requests through one by one at the pace that `pacing` sets; the one place of labelling where requests wait in line."""

import asyncio
import time
from collections.abc import Mapping

from feedback_model.labelling.rate_control import RateController, read_limits
from feedback_model.progress import check_stop
from feedback_model.waiting import Waiting

TICK = 0.25  # seconds between looks at a request to stop


_WAY_OUT = "Ctrl-C stops this command; what is paid for is kept"


def _left(slot: float) -> float:
    return slot - time.monotonic()


class RateLimiter:
    """One line for all requests of a process; whoever waits in it may be interrupted."""

    def __init__(self) -> None:
        self._pace = RateController()
        # Only the first in line has a slot, so that a change of pace reaches everyone behind at once.
        self._line = asyncio.Lock()
        self._passed = 0
        self._opened_at = time.monotonic()

    async def wait_turn(self, tokens: float) -> None:
        """Return when a request that is charged `tokens` may be sent.

        Raises:
            Interrupted: a stop was requested.
        """
        async with self._line:
            slot = self._pace.slot(tokens, time.monotonic())
            waiting = Waiting("the endpoint's rate limit", _WAY_OUT, lambda: f"next request in {_left(slot):.0f} s")
            while (wait := _left(slot)) > 0:
                await asyncio.sleep(min(TICK, wait))
                check_stop()
                waiting.look()
        self._passed += 1

    def note_response(self, headers: Mapping[str, str], sent_at: float) -> None:
        """A request that was sent at `sent_at` (of `time.monotonic`) was accepted."""
        self._pace.note_response(read_limits(headers), sent_at, time.monotonic())

    def note_refusal(self, headers: Mapping[str, str], wait: float, sent_at: float) -> None:
        """A request that was sent at `sent_at` was refused for a limit."""
        self._pace.note_refusal(read_limits(headers), wait, sent_at, time.monotonic())

    def share_limit_with(self, others: int) -> None:
        """Leave equal parts of the limit to so many other processes."""
        self._pace.share_limit_with(others)

    def status(self) -> str:
        """`12.3/s of 83.3/s`: how fast requests pass, and may pass as far as is known."""
        rate = self._passed / max(1e-3, time.monotonic() - self._opened_at)
        limit = self._pace.limit_per_minute()
        return f"{rate:.1f}/s" + (f" of {limit / 60:.1f}/s" if limit else "")
