"""Claiming landed batches, so that each is trained on exactly once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from feedback_model.store.batches import claim_batches, finish_batches, release_batches
from feedback_model.store.owners import process_owner
from tasks.resources import resources
from tasks.retries import RETRIES


# Not cached: asked again after each round, and the answer must be what has landed meanwhile.
@task(name="claim landed batches", cache_policy=NO_CACHE, **RETRIES)
async def claim() -> list[str]:
    """Take every batch that nobody alive has claimed; empty when there is nothing new."""
    with resources() as (_settings, store):
        batches = list(claim_batches(store, process_owner()))
    get_run_logger().info("%d batches to train on", len(batches))
    return batches


# Not cached: it must be done, and doing it twice changes nothing.
@task(name="finish batches", cache_policy=NO_CACHE, **RETRIES)
async def finish(batches: list[str]) -> None:
    """Book the batches as trained on."""
    with resources() as (_settings, store):
        finish_batches(store, batches)


@asynccontextmanager
async def finishing(batches: list[str]) -> AsyncGenerator[None]:
    """Book the batches as trained on when the block ends well, and give them back at once when it does not."""
    try:
        yield
    except BaseException:
        with resources() as (_settings, store):
            release_batches(store, batches)
        raise
    await finish(batches)
