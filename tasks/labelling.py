"""Labelling and augmentation, one batch of documents a task."""

import asyncio
from collections.abc import Sequence

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from feedback_model.augmentation.augment import augment
from feedback_model.labelling.client import Labeller
from feedback_model.labelling.label import LabelCounts, await_others, batches, label_batch, plan_labels
from tasks.resources import resources

# A batch takes 10-60 s at usual latencies; one task a document would cost 30 ms of the server's time each.
DOCUMENTS_PER_TASK = 100


@task(name="plan labels", cache_policy=NO_CACHE)
async def plan_label_batches(labeller: Labeller, limit: int = 0) -> list[tuple[str, ...]]:
    """What has to be bought, in batches; what is in the ledger already is not asked again."""
    with resources() as (_settings, store):
        plan = await asyncio.to_thread(plan_labels, store, labeller.label_set, limit=limit or None)
    get_run_logger().info("%d to label, %d labelled, %d given up", len(plan.request_ids), plan.n_done, plan.n_failed)
    return list(batches(plan.request_ids, DOCUMENTS_PER_TASK))


@task(name="label batch", task_run_name="label batch {number}", cache_policy=NO_CACHE)
async def label_documents(labeller: Labeller, request_ids: tuple[str, ...], number: int) -> LabelCounts:
    """Buy the labels of one batch; every reply is committed before it is read."""
    with resources() as (settings, store):
        counts = await label_batch(store, labeller, request_ids, settings.label_concurrency)
    get_run_logger().info("batch %d: %s", number, counts)
    return counts


@task(name="wait for labels others buy", cache_policy=NO_CACHE)
async def wait_for_others(labeller: Labeller) -> None:
    """Wait until no other run is buying labels of this set, so that the next stage finds them."""
    with resources() as (_settings, store):
        await await_others(store, labeller.label_set)


@task(name="augment", cache_policy=NO_CACHE)
async def augment_rare_scores(labeller: Labeller, share: float, seed: int) -> dict[str, int]:
    """Have rare score levels of the train part rewritten, relabelled blind, and kept where they hit."""
    with resources() as (settings, store):
        summary = await augment(store, labeller, labeller.label_set, settings, max_share=share, seed=seed)
    get_run_logger().info("augmentation: %s", summary)
    return {
        "planned": summary.planned,
        "accepted": summary.accepted,
        "missed_target": summary.missed_target,
        "near_duplicate": summary.near_duplicate,
        "unusable": summary.unusable,
    }


def sum_counts(counts: Sequence[LabelCounts]) -> dict[str, float | None]:
    """What all batches came to; the cost is None where a price is unknown."""
    total = sum(counts, LabelCounts())
    return {"labelled": total.labelled, "failed": total.failed, "cost_usd": total.cost_usd}
