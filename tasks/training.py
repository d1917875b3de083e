"""Dataset snapshots and fine-tuning. Nothing here loads torch before a training starts."""

from typing import Any

from prefect import task
from prefect.cache_policies import DEFAULT

from feedback_model.labelling.labeller import labelling_config_of
from feedback_model.records.labels import Dataset, LabellerKind
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import phrase_training, unaugmented_recipe
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.training import read_run
from feedback_model.training.base_model import resolve_base
from feedback_model.training.recipe_options import complete_recipe
from feedback_model.training.train import Means, train
from feedback_model.transcripts.snapshots import demand_augmented, read_examples, restore_snapshot, snapshot
from tasks.cancellation import in_thread
from tasks.epochs import measuring_epochs
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retries import RETRIES
from tasks.story import tell


# Kept for a run that is resumed after a crash: more may be labelled by then, and the training under way is on this version.
@task(name="snapshot", cache_policy=DEFAULT, persist_result=True, result_serializer="json", **RETRIES)
async def take_snapshot(labeller: LabellerKind) -> str:
    """Freeze what is labelled as a dataset version; returns its id."""
    with resources() as (settings, store):
        labelling_config = labelling_config_of(labeller, settings)
        dataset = await in_thread(snapshot, store, settings, labelling_config)
    counts = (dataset.n_train, dataset.n_augmented, dataset.n_validation, dataset.n_test)
    await tell("dataset %.8s: %d train (%d of them rewritten), %d validation, %d test", dataset.dataset_id, *counts)
    return dataset.dataset_id


# Kept for a run that is resumed after a crash: with `again` it would train once more. The result is an id.
@task(
    name="fine-tune",
    task_run_name="fine-tune {base_model}",
    cache_policy=DEFAULT,
    persist_result=True,
    result_serializer="json",
    **RETRIES,
)
async def fine_tune(dataset_id: str, base_model: str, recipe: dict[str, Any], again: bool) -> str:
    """QLoRA on one dataset version, one checkpoint an epoch, each measured on validation as soon as it is made.

    Returns:
        The run's id, or that of the run that did it before.
    """
    with resources() as (settings, store):
        dataset = read_dataset(store, dataset_id)
        return await _train(settings, store, dataset, base_model, complete_recipe(recipe, base_model), again)


# Kept for the same reason.
@task(
    name="fine-tune unaugmented",
    task_run_name="fine-tune {run_id} without augmentation",
    cache_policy=DEFAULT,
    persist_result=True,
    result_serializer="json",
    **RETRIES,
)
async def fine_tune_unaugmented(run_id: str, again: bool) -> str:
    """Repeat a run without its rewrites: same dataset version, recipe and seed; returns the new run's id."""
    with resources() as (settings, store):
        run = read_run(store, run_id)
        dataset = read_dataset(store, run.dataset_id)
        demand_augmented(dataset)
        return await _train(settings, store, dataset, run.base.name, unaugmented_recipe(run), again)


async def _train(
    settings: Settings, store: Store, dataset: Dataset, base_model: str, recipe: Recipe, again: bool
) -> str:
    restore_snapshot(store, settings, dataset)
    examples = read_examples(settings, dataset, "train")
    async with long_work(), measuring_epochs(settings, store) as after_epoch:
        base = await in_thread(resolve_base, base_model)
        means = Means(settings.memory_bytes, settings.training_processes, after_epoch)
        run = await in_thread(train, store, settings.home, dataset, examples, base, recipe, again=again, means=means)
    await tell("%s", phrase_training(run))
    return run.run_id
