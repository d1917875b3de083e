"""Landing files, the inbox, and saying again that data waits."""

import asyncio
import time
from pathlib import Path

from prefect import get_run_logger, task
from prefect.settings import PREFECT_API_URL

from feedback_model.store.transcripts import unclaimed_batches
from feedback_model.transcripts.inbox import settle, waiting_files
from feedback_model.transcripts.landing import LandingSummary, land
from tasks.announcement import announce_to
from tasks.resources import resources


@task(name="land files")
async def land_files(
    paths: list[str], source: str = "", text_column: str = "", limit: int = 0, seed: int = 0
) -> LandingSummary:
    """Land `paths` into the database; what cannot be used is kept with its reason."""
    with resources() as (_settings, store):
        summary = await asyncio.to_thread(
            land, store, paths, source=source or None, text_column=text_column or None, limit=limit or None, seed=seed
        )
    get_run_logger().info("landed %s", summary)
    return summary


@task(name="look into the inbox")
async def look_into_inbox() -> list[str]:
    """The files that wait in the inbox and are no longer being written."""
    with resources() as (settings, _store):
        return [str(path) for path in waiting_files(settings.inbox)]


@task(name="settle the inbox")
async def settle_inbox(paths: list[str]) -> None:
    """Move landed files out of the inbox."""
    with resources() as (settings, _store):
        settle(settings.inbox, [Path(path) for path in paths])


@task(name="announce unclaimed data")
async def announce_unclaimed() -> int:
    """Say of every batch that nobody has claimed that it landed: what wakes a retraining, and what a lost event is made up by."""
    with resources() as (_settings, store):
        batches = unclaimed_batches(store)
    minute = str(int(time.time() // 60))
    for batch_id in batches:
        await asyncio.to_thread(announce_to, PREFECT_API_URL.value(), batch_id, 0, minute)
    return len(batches)
