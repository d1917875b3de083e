"""Asking the models of a training run for feedback, one model a task."""

from collections.abc import Sequence

from prefect import get_run_logger, task
from prefect.cache_policies import DEFAULT, NO_CACHE

from feedback_model.errors import CannotBeAsked, MissingStage
from feedback_model.inference.infer import infer, is_asked
from feedback_model.inference.models import models_of
from feedback_model.records.evaluation import Decoding
from feedback_model.records.training import ModelVersion
from feedback_model.records.transcripts import Transcript
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.datasets import held_out
from feedback_model.store.training import latest_run, read_run
from tasks.cancellation import in_thread
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retries import RETRIES


# Not cached: the latest run is another one tomorrow.
@task(name="find training run", cache_policy=NO_CACHE, **RETRIES)
async def find_run(run_id: str) -> str:
    """Find the run to work on: the one named, or the latest."""
    with resources() as (_settings, store):
        run = read_run(store, run_id) if run_id else latest_run(store)
    if run is None:
        raise MissingStage("no model has been trained yet; run `feedback train` first")
    return run.run_id


# Not cached: who is champion changes.
@task(name="list models", cache_policy=NO_CACHE, **RETRIES)
async def list_models(run_id: str) -> list[str]:
    """List the models of an evaluation: `base`, `base-nf4`, `epoch-1`, ..., and the champion if another run made it."""
    with resources() as (_settings, store):
        return list(models_of(store, read_run(store, run_id)))


# Not cached: it is the state of this moment.
@task(name="look who asks", task_run_name="look who asks {name}", cache_policy=NO_CACHE, **RETRIES)
async def is_asked_elsewhere(run_id: str, name: str, max_new_tokens: int, decoding: Decoding) -> bool:
    """Tell whether another process asks the model that way at this moment."""
    with resources() as (settings, store):
        model = models_of(store, read_run(store, run_id))[name]
        return is_asked(store, model, decoding, max_new_tokens or settings.max_new_tokens or None)


# Kept for a run that is resumed after a crash: with `again` a model that has answered would be asked anew. The result is an id.
@task(
    name="generate",
    task_run_name="generate {name}",
    cache_policy=DEFAULT,
    persist_result=True,
    result_serializer="json",
    **RETRIES,
)
async def generate(run_id: str, name: str, again: bool, max_new_tokens: int = 0, decoding: Decoding = "free") -> str:
    """Ask one model about the held-out transcripts it has not been asked about.

    Returns:
        The inference's id; empty where this model cannot be asked that way.
    """
    with resources() as (settings, store):
        run = read_run(store, run_id)
        model, transcripts = models_of(store, run)[name], held_out(store, run.dataset_id)
        async with long_work():
            try:
                inference_id = await in_thread(
                    ask, settings, store, model, transcripts, again, max_new_tokens, decoding
                )
            except CannotBeAsked as error:
                get_run_logger().warning("%s was not asked for %s: %s", name, decoding, error)
                return ""
    get_run_logger().info("%s asked about %d transcripts: inference %s", name, len(transcripts), inference_id)
    return inference_id


def ask(
    settings: Settings,
    store: Store,
    model: ModelVersion,
    transcripts: Sequence[Transcript],
    again: bool = False,
    max_new_tokens: int = 0,
    decoding: Decoding = "free",
) -> str:
    """Ask a model as these settings say; a training and the evaluation after it ask alike, so each text is asked once."""
    return infer(
        store,
        settings.home,
        model,
        transcripts,
        max_new_tokens=max_new_tokens or settings.max_new_tokens or None,
        batch_size=settings.inference_batch_size or None,
        again=again,
        decoding=decoding,
    )
