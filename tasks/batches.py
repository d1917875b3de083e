"""Claiming landed batches, so that each is trained on exactly once."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from feedback_model.store.leases import process_owner
from feedback_model.store.transcripts import claim_batches, finish_batches
from tasks.resources import resources


@task(name="claim landed batches", cache_policy=NO_CACHE)
async def claim() -> list[str]:
    """Take every batch that nobody alive has claimed; empty when there is nothing new."""
    with resources() as (_settings, store):
        batches = list(claim_batches(store, process_owner()))
    get_run_logger().info("%d batches to train on", len(batches))
    return batches


@task(name="finish batches", cache_policy=NO_CACHE)
async def finish(batches: list[str]) -> int:
    """Book the batches as trained on."""
    with resources() as (_settings, store):
        finish_batches(store, batches)
    return len(batches)
