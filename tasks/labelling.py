"""Labelling, one task for all that is missing: the pace is set by the endpoint's limit, and boundaries would only break it."""

import asyncio

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from feedback_model.labelling.batching import LABELLING
from feedback_model.labelling.buying import LabelCounts
from feedback_model.labelling.label import demand_labels
from feedback_model.labelling.labeller import Desk
from feedback_model.labelling.opening import label_set_of
from feedback_model.records import LabellerKind, LabelMode
from tasks.resources import resources


@task(name="label what is missing", cache_policy=NO_CACHE)
async def label_what_is_missing(
    labeller: Desk,
    kind: LabellerKind,
    limit: int = 0,
    again: bool = False,
    budget: float = 0.0,
    mode: LabelMode = "now",
) -> LabelCounts:
    """Buy every label that is missing, and wait for those that another run is buying, so that the next stage finds all."""
    with resources() as (settings, store):
        counts = await LABELLING[mode](
            store,
            labeller,
            label_set_of(kind, settings),
            settings,
            limit=limit or None,
            again_failed=again,
            budget=budget or None,
        )
    get_run_logger().info("labels: %s", counts)
    return counts


@task(name="check labels", cache_policy=NO_CACHE)
async def check_labels(kind: LabellerKind) -> None:
    """Fail where everything that was asked for was given up."""
    with resources() as (settings, store):
        await asyncio.to_thread(demand_labels, store, label_set_of(kind, settings))
