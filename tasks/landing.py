"""Landing files, the inbox, and saying again that data waits."""

import asyncio
import math
import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL

from eval.report.run_pages import landed_markdown, phrase_landed
from feedback_model.errors import FeedbackError
from feedback_model.records.landed import phrase_landing
from feedback_model.records.retraining import decide_retraining, rules_of
from feedback_model.store.batches import landing_times
from feedback_model.store.landed import read_landed
from feedback_model.store.owners import process_owner
from feedback_model.store.retraining import Decided, add_decision, is_undecided, last_decision, untrained_data
from feedback_model.transcripts.fetching import Fetched, fetch_new
from feedback_model.transcripts.inbox import Inbox, inbox_of, settle, take_files
from feedback_model.transcripts.landing import LandingSummary, land
from feedback_model.transcripts.reading_options import ReadingOptions
from tasks.announcement import announce_to
from tasks.artifacts import show
from tasks.batches import tell_why_not
from tasks.cancellation import in_thread
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retrainings import retrainings
from tasks.retries import RETRIES
from tasks.story import tell

FETCH_SECONDS: Final = 240.0
"""For a look into an object store; sweeps come every five minutes."""


# Not cached: what a file holds changes, and the database knows what it has already.
@task(name="land files", cache_policy=NO_CACHE, **RETRIES)
async def land_files(
    paths: list[str], options: ReadingOptions, source: str = "", limit: int = 0, seed: int = 0
) -> LandingSummary:
    """Land `paths` into the database; what cannot be used is kept with its reason."""
    with resources() as (_settings, store):
        async with long_work():
            summary = await in_thread(
                land,
                store,
                paths,
                source=source or None,
                options=options,
                limit=limit or None,
                seed=seed,
            )
        landed = read_landed(store, [summary.batch_id]) if summary.batch_id else None
    await tell("%s", phrase_landing(summary.accepted, summary.known, summary.duplicate, summary.rejected))
    if landed:
        await show("data-quality", landed_markdown(landed), phrase_landed(landed))
    return summary


# Not cached: files come and go.
@task(name="look into the inbox", cache_policy=NO_CACHE, **RETRIES)
async def look_into_inbox() -> list[str]:
    """Take the files in the inbox that are no longer being written, and what is new in its object store, if it has one."""
    with resources() as (settings, _store):
        inbox = inbox_of(settings)
        if settings.inbox_url:
            await _fetch(settings.inbox_url, inbox)
        taken = take_files(inbox)
    for sentence in taken.refused:
        get_run_logger().warning("%s", sentence)
    return [str(path) for path in taken.files]


async def _fetch(url: str, inbox: Inbox) -> None:
    """Fetch what is new at `url`; what lies in the inbox itself is landed even where the store never ends its answer."""
    log, fetching = get_run_logger(), Future[Fetched]()

    def fetch() -> None:
        try:
            fetching.set_result(fetch_new(url, inbox))
        except Exception as error:  # noqa: BLE001 - it goes to whoever waits
            fetching.set_exception(error)

    # Its own thread, which ends with the process: nothing else can end a read that never ends.
    threading.Thread(target=fetch, name="fetch", daemon=True).start()
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            fetched = await asyncio.shield(asyncio.wrap_future(fetching))
    except TimeoutError:
        log.warning("%s is still being read after %.0f s; the next sweep goes on with it", url, FETCH_SECONDS)
    except (FeedbackError, OSError) as error:
        log.warning("%s; the next sweep looks again", error)
    else:
        log.info("fetched %d objects from %s", fetched.count, url)
        for problem in fetched.problems:
            log.warning("%s; the next sweep tries it again", problem)


# Not cached: it must be done, and doing it twice changes nothing.
@task(name="settle the inbox", cache_policy=NO_CACHE, **RETRIES)
async def settle_inbox(paths: list[str], landed: LandingSummary) -> None:
    """Move landed files aside, with what was refused of them."""
    refusals = {Path(path): reasons for path, reasons in landed.refusals.items()}
    with resources() as (settings, _store):
        settle(inbox_of(settings), [Path(path) for path in paths], refusals, [Path(path) for path in landed.unusable])


# Not cached: batches come and are claimed.
@task(name="announce unclaimed data", cache_policy=NO_CACHE, **RETRIES)
async def announce_unclaimed() -> int:
    """Say of every batch that nobody has claimed that it landed: what makes up for a lost event.

    A retraining that waits its turn will find them anyway; saying so again would only queue another behind it. What is too
    little, or has come at the wrong hour, is spoken of once it no longer is. A batch is spoken of once in each doubling of its
    age, so that a retraining that keeps failing is tried ever more rarely.
    """
    with resources() as (settings, store):
        data, before = untrained_data(store), last_decision(store)
        landed = landing_times(store, batches := data.batches)
        decision = decide_retraining(data, rules_of(settings), datetime.now(UTC))
        waits = decision.verdict == "wait" and decision.reason != "unapproved"  # nobody may have been asked yet
        is_new = waits and is_undecided(before, landed.values())
        if is_new:
            add_decision(store, data, decision, process_owner())
    if waits:
        await tell("%s", decision.sentence)
        if is_new:
            await tell_why_not(decision, data)
        return len(batches)
    if await _retraining_waits():
        get_run_logger().info("%d batches wait, and so does a retraining that will claim them", len(batches))
        return len(batches)
    for batch_id in batches:
        await in_thread(announce_to, PREFECT_API_URL.value(), batch_id, 0, _occasion(before, landed[batch_id]))
    return len(batches)


def _occasion(before: Decided | None, landed: datetime) -> str:
    # The server takes an event of one id once, and the id follows from this word.
    if before is not None and before.verdict == "wait" and before.reason != "unapproved":
        return f"after-{before.number}"
    minutes = (datetime.now(UTC) - landed).total_seconds() / 60
    return f"doubling-{int(math.log2(max(minutes, 1)))}"


async def _retraining_waits() -> bool:
    waits = (StateType.SCHEDULED, StateType.PENDING, StateType.PAUSED)
    return bool(await retrainings(*waits, deployment="on-data-landed"))  # others are planned for every night
