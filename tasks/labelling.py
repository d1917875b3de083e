"""Labelling, one batch of documents a task."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from feedback_model.labelling.buying import LabelCounts
from feedback_model.labelling.client import Labeller, label_set_of
from feedback_model.labelling.label import batches, demand_labels, label_batch, label_missing, plan_labels
from feedback_model.progress import track
from feedback_model.records import LabellerKind
from tasks.resources import resources

# A batch takes 10-60 s at usual latencies; one task a document would cost 30 ms of the server's time each.
DOCUMENTS_PER_TASK = 100


@dataclass(frozen=True, slots=True)
class LabelBatch:
    """Some of the requests of a plan, and how far the plan has come before them."""

    number: int
    request_ids: tuple[str, ...]
    done: int
    total: int


@task(name="plan labels", cache_policy=NO_CACHE)
async def plan_label_batches(kind: LabellerKind, limit: int = 0, again: bool = False) -> list[LabelBatch]:
    """What has to be bought, in batches; what is in the ledger already is not asked again."""
    with resources() as (settings, store):
        label_set = label_set_of(kind, settings)
        plan = await asyncio.to_thread(plan_labels, store, label_set, limit=limit or None, again_failed=again)
    get_run_logger().info("%d to label, %d labelled, %d given up", len(plan.request_ids), plan.n_done, plan.n_failed)
    total = plan.n_done + len(plan.request_ids)
    return [
        LabelBatch(number + 1, request_ids, plan.n_done + number * DOCUMENTS_PER_TASK, total)
        for number, request_ids in enumerate(batches(plan.request_ids, DOCUMENTS_PER_TASK))
    ]


@task(name="label batch", task_run_name="label batch {batch.number}", cache_policy=NO_CACHE)
async def label_documents(labeller: Labeller, batch: LabelBatch) -> LabelCounts:
    """Buy the labels of one batch; every reply is committed before it is read."""
    with resources() as (settings, store):
        tracker = track("label", batch.total, batch.done)
        counts = await label_batch(store, labeller, batch.request_ids, settings.label_concurrency, tracker)
    get_run_logger().info("batch %d: %s", batch.number, counts)
    return counts


@task(name="label the rest", cache_policy=NO_CACHE)
async def label_the_rest(labeller: Labeller, kind: LabellerKind) -> LabelCounts:
    """Wait for labels that another run is buying and buy what it gives back, so that the next stage finds all of them."""
    with resources() as (settings, store):
        return await label_missing(store, labeller, label_set_of(kind, settings), settings)


@task(name="check labels", cache_policy=NO_CACHE)
async def check_labels(kind: LabellerKind) -> None:
    """Fail where everything that was asked for was given up."""
    with resources() as (settings, store):
        await asyncio.to_thread(demand_labels, store, label_set_of(kind, settings))


def sum_counts(counts: Sequence[LabelCounts]) -> dict[str, float | None]:
    """What all batches came to; the cost is None where a price is unknown."""
    total = sum(counts, LabelCounts())
    return {"labelled": total.labelled, "failed": total.failed, "cost_usd": total.cost_usd}
