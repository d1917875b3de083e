"""Augmentation: rare score levels made less rare."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from eval.report.load import load_augmentation_effect
from eval.report.run_pages import phrase_rewrites
from feedback_model.augmentation.augment import AugmentationSummary, augment
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.records.labels import LabellerKind
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.training import read_run
from feedback_model.transcripts.snapshots import demand_augmented
from tasks.cancellation import in_own_loop
from tasks.costs import show_costs
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retries import RETRIES
from tasks.story import tell


# Not cached: the database knows what was ordered, and a second call orders only what the plan still lacks.
@task(name="augment", cache_policy=NO_CACHE, **RETRIES)
async def augment_rare_scores(kind: LabellerKind, share: float, seed: int) -> AugmentationSummary:
    """Have rare score levels of the train part rewritten, relabelled blind, and kept where they hit."""
    with resources() as (settings, store):
        async with long_work():
            summary = await in_own_loop(_augment, store, kind, settings, share, seed)
        sentence = phrase_rewrites(summary.accepted, summary.ordered, summary.cost_usd)
        await show_costs(store, sentence)
    await tell("%s", sentence)
    return summary


async def _augment(
    store: Store, kind: LabellerKind, settings: Settings, share: float, seed: int
) -> AugmentationSummary:
    async with open_labeller(kind, settings) as labeller:
        labelling_config = labelling_config_of(kind, settings)
        # What is paid for is kept, whoever executes the run by then; who buys what is settled by claims.
        return await augment(store.unfenced(), labeller, labelling_config, settings, max_share=share, seed=seed)


# Not cached: a check that reads a row costs less than looking its result up.
@task(name="check augmented", cache_policy=NO_CACHE, **RETRIES)
async def check_augmented(run_id: str) -> None:
    """See that the run was trained on rewrites, before anything is trained without them."""
    with resources() as (_settings, store):
        demand_augmented(read_dataset(store, read_run(store, run_id).dataset_id))


# Not cached: a sentence about what the database says now.
@task(name="tell effect", cache_policy=NO_CACHE, **RETRIES)
async def tell_effect(evaluation_id: str) -> str:
    """Say in one sentence whether augmentation helped."""
    with resources() as (_settings, store):
        return load_augmentation_effect(store, evaluation_id)
