"""Claiming landed batches, so that each is trained on exactly once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from eval.report.run_pages import landed_markdown, phrase_landed, retrained_markdown, waits_markdown
from feedback_model.errors import StoreError
from feedback_model.records.retraining import RetrainingDecision, UntrainedData, decide_retraining, rules_of
from feedback_model.store.batches import claim_batches, finish_batches, release_batches
from feedback_model.store.landed import read_landed
from feedback_model.store.owners import process_owner
from feedback_model.store.retraining import add_decision, untrained_data
from tasks.artifacts import show
from tasks.occasions import tell_waits
from tasks.resources import resources
from tasks.retrainings import results_shown, way_on
from tasks.retries import RETRIES
from tasks.story import tell


# Not cached: asked again after each round, of what has landed and of the hour.
@task(name="decide whether to retrain", cache_policy=NO_CACHE, **RETRIES)
async def decide(at_once: bool, *, is_first: bool = True) -> RetrainingDecision:
    """Decide whether what has landed is trained on now, and keep the decision.

    Args:
        at_once: somebody wants it, however little it is and at whatever hour.
        is_first: of its run; a later one that finds nothing new is only the run's end.
    """
    with resources() as (settings, store):
        data = untrained_data(store, process_owner())
        decision = decide_retraining(data, rules_of(settings), datetime.now(UTC), at_once=at_once)
        is_known = decision.reason == data.decided == "unapproved"
        if (is_first or data.batches) and not is_known:  # a run that was resumed comes here again
            add_decision(store, data, decision, process_owner())
    if is_first or data.batches:
        await tell("%s: %s", decision.verdict, decision.sentence)
    if is_first and decision.verdict == "wait" and not is_known:
        await tell_why_not(decision, data)
    return decision


async def tell_why_not(decision: RetrainingDecision, data: UntrainedData) -> None:
    """Tell in an artifact why there is no retraining, and those who want to know where data waits for it."""
    links = [*await way_on(decision.reason), *await results_shown()]
    await show("why-not-retrained", waits_markdown(decision, links), f"not retrained: {decision.sentence}")
    if data.batches:
        tell_waits(decision.reason, decision.sentence)


# Not cached: asked again after each round, and the answer must be what has landed meanwhile.
@task(name="claim landed batches", cache_policy=NO_CACHE, **RETRIES)
async def claim() -> list[str]:
    """Take every batch that nobody alive has claimed; empty when there is nothing new."""
    with resources() as (_settings, store):
        batches = list(claim_batches(store, process_owner()))
        landed = read_landed(store, batches)
    if not batches:
        get_run_logger().info("another retraining has claimed it")
        return batches
    await show("data-quality", landed_markdown(landed), phrase_landed(landed))
    return batches


# Not cached: it must be done, and doing it twice changes nothing.
@task(name="finish batches", cache_policy=NO_CACHE, **RETRIES)
async def finish(batches: list[str]) -> None:
    """Book the batches as trained on."""
    with resources() as (_settings, store):
        finish_batches(store, batches)


# Not cached: it leaves an artifact of this very run.
@task(name="tell why retrained", cache_policy=NO_CACHE, **RETRIES)
async def tell_why_retrained(decision: RetrainingDecision, verdict: str) -> None:
    """Tell in an artifact why there was a retraining, what came of it, and where that is shown."""
    await show("why-retrained", retrained_markdown(decision, verdict, await results_shown()), verdict)


@asynccontextmanager
async def finishing(batches: list[str]) -> AsyncGenerator[None]:
    """Book the batches as trained on when the block ends well, and give them back at once when it does not."""
    try:
        yield
    except BaseException:
        # Of a database that is away nothing can be released; the end of this process does it.
        with suppress(StoreError), resources() as (_settings, store):
            release_batches(store, batches)
        raise
    await finish(batches)
