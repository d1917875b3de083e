"""Progress of long tasks in the Prefect UI: an artifact that moves, and a log line now and then.

The working thread only leaves a note of where it stands. A task of the event loop looks at the notes each second and tells the
server, so a slow server slows nothing down.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from feedback_model.progress import Progress, reporting_to
from feedback_model.waiting import duration

LOOK_SECONDS: Final = 1.0
ARTIFACT_SECONDS: Final = 5.0  # between updates of one artifact: each is a call to the server and a write there
SILENT_SECONDS: Final = 60.0  # after which the log says where the work stands, even if that is no tenth further
WINDOW_SECONDS: Final = 60.0  # of work that the rate is measured over
LAST_WORD_SECONDS: Final = 2.0  # that the end of a task may wait for the server to hear of it


@dataclass
class StageProgress:
    """One stage of a task: where it stands, how fast it moves, and how much of that was told."""

    latest: Progress
    logged_at: float
    """When the log last said something of it; times are of a monotonic clock, in seconds."""
    seen: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    """When so many units were done, for the length of the window."""
    logged_tenth: int = 0
    artifact: UUID | None = None
    shown: Progress | None = None
    """Where the artifact says that the stage stands."""
    artifact_at: float = -ARTIFACT_SECONDS

    def observe(self, latest: Progress, now: float) -> None:
        """Take note of where the stage stands."""
        if latest.done < self.latest.done:  # the stage began anew, over something else
            self.seen.clear()
            self.logged_tenth = 0
        self.latest = latest
        self.seen.append((now, latest.done))
        while now - self.seen[0][0] > WINDOW_SECONDS:
            self.seen.popleft()

    @property
    def rate(self) -> float | None:
        """Units a second over the window; None before anything moved."""
        (began, done_then), (now, done) = self.seen[0], self.seen[-1]
        return (done - done_then) / (now - began) if done > done_then else None

    @property
    def tenth(self) -> int:
        """Tenths of the stage that are done; 0 where its length is unknown."""
        return 10 * self.latest.done // self.latest.total if self.latest.total else 0

    @property
    def was_never_under_way(self) -> bool:
        """Tell whether the stage was over before anybody saw it move, which nobody needs to be told of."""
        return self.latest.done == self.latest.total and self.rate is None

    def is_due_in_log(self, now: float) -> bool:
        """Tell whether another tenth is done, or nothing was logged for a minute."""
        if self.was_never_under_way:
            return False
        return self.tenth > self.logged_tenth or now - self.logged_at >= SILENT_SECONDS

    def is_due_as_artifact(self, now: float) -> bool:
        """Tell whether the artifact may be written again; a stage of unknown length has none."""
        is_shown = self.artifact is not None or not self.was_never_under_way
        return bool(self.latest.total) and is_shown and now - self.artifact_at >= ARTIFACT_SECONDS

    def describe(self) -> str:
        """Phrase where the stage stands: `label: 120 of 1,000 (12%), 4.0/s, 4 min left, 0.0123 USD`."""
        done, total, rate = self.latest.done, self.latest.total, self.rate
        counted = f"{done:,}" if total is None else f"{done:,} of {total:,}"
        share = f" ({100 * done // total}%)" if total else ""
        pace = [] if rate is None else [f"{rate:.1f}/s"]
        left = [f"{duration((total - done) / rate)} left"] if rate and total and done < total else []
        return f"{self.latest.stage}: " + ", ".join(
            [counted + share, *pace, *left, *filter(None, [self.latest.detail])]
        )


class _Publisher:
    """Tells the Prefect server of the stages of one task run."""

    def __init__(self) -> None:
        self._notes: dict[str, Progress] = {}
        self._stages: dict[str, StageProgress] = {}
        self._log = get_run_logger()

    def note(self, progress: Progress) -> None:
        """Keep the newest progress of a stage; called by the working thread."""
        self._notes[progress.stage] = progress

    async def publish_until_cancelled(self) -> None:
        """Look at the notes each second."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            for progress in list(self._notes.values()):  # copied in one step: the working thread adds to it
                stage = self._stages.setdefault(progress.stage, StageProgress(progress, now))
                stage.observe(progress, now)
                await self._tell(stage, now)

    async def publish_last(self) -> None:
        """Say once more where those stages ended that the UI knows of."""
        now = time.monotonic()
        for name, stage in self._stages.items():
            if stage.shown != self._notes[name]:
                stage.observe(self._notes[name], now)
                stage.artifact_at = -ARTIFACT_SECONDS
                await self._tell(stage, now)

    async def _tell(self, stage: StageProgress, now: float) -> None:
        if stage.is_due_in_log(now):
            stage.logged_at, stage.logged_tenth = now, stage.tenth
            self._log.info(stage.describe())
        if stage.is_due_as_artifact(now) and stage.latest.total:
            stage.artifact_at, stage.shown = now, stage.latest
            await self._show(stage, 100 * stage.latest.done / stage.latest.total)

    async def _show(self, stage: StageProgress, percent: float) -> None:
        try:
            if stage.artifact is None:
                stage.artifact = await acreate_progress_artifact(percent, _key(stage.latest.stage), stage.describe())
            else:
                await aupdate_progress_artifact(stage.artifact, percent, stage.describe())
        except Exception as error:  # noqa: BLE001 - the work goes on, whether or not a server hears of it
            self._log.debug("progress could not be shown: %s", error)


def _key(stage: str) -> str:
    return f"{re.sub('[^a-z0-9]+', '-', stage.lower()).strip('-')}-progress"


@asynccontextmanager
async def publishing_progress() -> AsyncGenerator[None]:
    """Show the progress of everything inside the block in the Prefect UI."""
    publisher = _Publisher()
    with reporting_to(publisher.note):
        work = asyncio.create_task(publisher.publish_until_cancelled(), name="publish progress")
        try:
            yield
        finally:
            work.cancel()
            await asyncio.wait([work])
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD_SECONDS):
                    await publisher.publish_last()
