"""Augmentation: rare score levels made less rare."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from feedback_model.augmentation.augment import AugmentationSummary, augment
from feedback_model.labelling.client import Labeller, label_set_of
from feedback_model.records import LabellerKind
from tasks.resources import resources


@task(name="augment", cache_policy=NO_CACHE)
async def augment_rare_scores(labeller: Labeller, kind: LabellerKind, share: float, seed: int) -> AugmentationSummary:
    """Have rare score levels of the train part rewritten, relabelled blind, and kept where they hit."""
    with resources() as (settings, store):
        summary = await augment(store, labeller, label_set_of(kind, settings), settings, max_share=share, seed=seed)
    get_run_logger().info("augmentation: %s", summary)
    return summary
