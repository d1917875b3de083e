"""`/health` and `/metrics` of a guarded Prefect server, in its own process: another one would cost memory for nothing.

Health is open, as Prefect's own is, and tells names of parts and whether they are well, no more. Metrics tell what was spent and
what failed, so they want the token: other users of a machine reach its loopback interface, too.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.local.prefect_guard import HEALTH
from deployments.local.service_metrics import MEDIA_TYPE, render_metrics
from deployments.local.service_parts import VITAL, judge_parts
from feedback_model.records.service import ServiceFigures

FRESH_SECONDS: Final = 5.0
"""For which figures are given out again: whoever asks more often costs nothing."""


class ServiceEndpoints:
    """ASGI application that answers at both paths."""

    def __init__(self, read: Callable[[], ServiceFigures], clock: Callable[[], float] = time.monotonic) -> None:
        """Answer with the figures that `read` returns; it may block, and runs in a thread."""
        self._read, self._clock = read, clock
        self._reading = asyncio.Lock()
        self._known: tuple[float, ServiceFigures] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request at one of the paths."""
        figures = await self._figures()
        response = (
            _health(figures) if scope["path"] == HEALTH else Response(render_metrics(figures), media_type=MEDIA_TYPE)
        )
        await response(scope, receive, send)

    async def _figures(self) -> ServiceFigures:
        async with self._reading:  # of many who ask at once one has them read
            if self._known is None or self._clock() - self._known[0] > FRESH_SECONDS:
                figures = await asyncio.to_thread(self._read)
                self._known = self._clock(), figures
            return self._known[1]


def _health(figures: ServiceFigures) -> Response:
    """Say whether the vital parts are well; 503 where one is not, which proxies and containers understand."""
    states = {part.name: part.state for part in judge_parts(figures) if part.name in VITAL}
    is_well = "unhealthy" not in states.values()
    told = json.dumps({"status": "ok" if is_well else "unhealthy", "parts": states})
    return Response(told, 200 if is_well else 503, {"cache-control": "no-store"}, "application/json")
