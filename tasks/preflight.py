"""The preflight of a base model: what would stop a training is found before a label is bought."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from feedback_model.training.base_model import resolve_base
from feedback_model.training.checked_bases import check_once
from feedback_model.training.recipe_options import complete_recipe
from tasks.cancellation import in_thread
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retries import RETRIES
from tasks.story import tell


# Not cached: what passed on this machine is remembered, and files and free memory change.
@task(name="check base model", task_run_name="check {base_model}", cache_policy=NO_CACHE, **RETRIES)
async def check_base_model(base_model: str, recipe: dict[str, Any]) -> None:
    """See that the base model can be trained with this recipe on this machine."""
    with resources() as (settings, _store):
        async with long_work():
            base = await in_thread(resolve_base, base_model)
            found = await in_thread(check_once, base, complete_recipe(recipe, base.name), settings.memory_bytes)
    await tell("%s can be trained: %s", base.name, found or "it was looked at before")
