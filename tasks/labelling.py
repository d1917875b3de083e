"""Labelling, one task for all that is missing: the pace is set by the endpoint's limit, and boundaries would only break it."""

from collections.abc import Awaitable, Callable
from functools import partial

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from eval.labels import measure_drift, state_drift
from eval.report.run_pages import phrase_labels
from feedback_model.labelling.label import is_worth_sharing, require_labels
from feedback_model.labelling.label_run import LabelCounts
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.modes import LABELLING
from feedback_model.records.labels import LabellerKind, LabellingConfig, LabelMode
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.labels import read_shared_labels
from tasks.cancellation import in_own_loop, in_thread
from tasks.costs import show_costs
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retries import RETRIES
from tasks.story import tell

COMPARED = 1_000  # transcripts: enough to see half a point on a trait, and read in a moment


# Not cached: the database knows which labels are missing, and a second call buys only those.
@task(name="label what is missing", cache_policy=NO_CACHE, **RETRIES)
async def label_what_is_missing(
    kind: LabellerKind, limit: int = 0, again: bool = False, budget: float = 0.0, mode: LabelMode = "now"
) -> LabelCounts:
    """Buy every label that is missing, and wait for those that another run is buying, so that the next stage finds all."""
    with resources() as (settings, store):
        label = partial(LABELLING[mode], limit=limit or None, again_failed=again, budget=budget or None)
        async with long_work():
            counts = await in_own_loop(_with_labeller, label, store, kind, settings)
        sentence = phrase_labels(counts.labelled, counts.failed, counts.cost_usd)
        await show_costs(store, sentence)
    await tell("%s", sentence)
    return counts


def is_much_to_label(kind: LabellerKind) -> bool:
    """Tell whether a second host is of use."""
    with resources() as (settings, store):
        return is_worth_sharing(store, labelling_config_of(kind, settings))


async def _with_labeller(
    label: Callable[..., Awaitable[LabelCounts]], store: Store, kind: LabellerKind, settings: Settings
) -> LabelCounts:
    async with open_labeller(kind, settings) as labeller:
        # What is paid for is kept, whoever executes the run by then; who buys what is settled by claims.
        return await label(store.unfenced(), labeller, labelling_config_of(kind, settings), settings)


# Not cached: what it reads changes with each label.
@task(name="watch for drift", cache_policy=NO_CACHE, **RETRIES)
async def watch_for_drift(kind: LabellerKind) -> None:
    """Warn where the labels differ from those of another model or prompt."""
    with resources() as (settings, store):
        labelling_config = labelling_config_of(kind, settings)
        for alarm in await in_thread(_drift_alarms, store, labelling_config):
            get_run_logger().warning(alarm)


def _drift_alarms(store: Store, labelling_config: LabellingConfig) -> list[str]:
    drifts = map(measure_drift, read_shared_labels(store, labelling_config, COMPARED))
    return [alarm for drift in drifts if (alarm := state_drift(labelling_config, drift))]


# Not cached: what it reads changes with each label.
@task(name="check labels", cache_policy=NO_CACHE, **RETRIES)
async def check_labels(kind: LabellerKind) -> None:
    """Fail where everything that was asked for was given up."""
    with resources() as (settings, store):
        await in_thread(require_labels, store, labelling_config_of(kind, settings))
