"""Augmentation: rare score levels made less rare."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from eval.report.effect import tell_effect as state_effect
from feedback_model.augmentation.augment import AugmentationSummary, augment
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.opening import label_set_of
from feedback_model.records import LabellerKind
from feedback_model.store.datasets import read_dataset
from feedback_model.store.training import read_run
from feedback_model.transcripts.snapshots import demand_augmented
from tasks.resources import resources


@task(name="augment", cache_policy=NO_CACHE)
async def augment_rare_scores(labeller: Labeller, kind: LabellerKind, share: float, seed: int) -> AugmentationSummary:
    """Have rare score levels of the train part rewritten, relabelled blind, and kept where they hit."""
    with resources() as (settings, store):
        summary = await augment(store, labeller, label_set_of(kind, settings), settings, max_share=share, seed=seed)
    get_run_logger().info("augmentation: %s", summary)
    return summary


@task(name="check augmented", cache_policy=NO_CACHE)
async def check_augmented(run_id: str) -> None:
    """See that the run was trained on rewrites, before anything is trained without them."""
    with resources() as (_settings, store):
        demand_augmented(read_dataset(store, read_run(store, run_id).dataset_id))


@task(name="tell effect", cache_policy=NO_CACHE)
async def tell_effect(evaluation_id: str) -> str:
    """Whether augmentation helped, in one sentence."""
    with resources() as (_settings, store):
        return state_effect(store, evaluation_id)
