"""Each epoch of a training as it ends: its checkpoint is asked about the validation part, measured, and shown in the UI."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import asynccontextmanager

from prefect import get_run_logger

from eval.evaluate import measure_epoch
from eval.report.training_curve import MeasuredEpoch, curve_markdown
from feedback_model.errors import Interrupted, StoreUnavailable
from feedback_model.inference.loaded import unload
from feedback_model.inference.models import models_of
from feedback_model.records.labels import Dataset
from feedback_model.records.training import Checkpoint, EpochMeasured, TrainingRun
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.datasets import held_out, read_dataset
from feedback_model.store.training import read_run, steps_of
from feedback_model.training.train import AfterEpoch
from tasks.artifacts import show
from tasks.inference import ask


@asynccontextmanager
async def measuring_epochs(settings: Settings, store: Store) -> AsyncGenerator[AfterEpoch]:
    """Give what `train` calls after each epoch; the curve is shown as soon as an epoch is measured."""
    loop, shown = asyncio.get_running_loop(), list[Future[None]]()

    def after_epoch(run: TrainingRun, made: Checkpoint) -> EpochMeasured | None:
        curve = measure_until(settings, store, run.run_id, made.epoch)
        text = curve_markdown(run, steps_of(store, run.run_id), curve)
        shown.append(
            asyncio.run_coroutine_threadsafe(show("training-curve", text, f"training run {run.run_id}"), loop)
        )  # a slow server slows nothing down
        return curve[-1].measured

    yield after_epoch
    await asyncio.gather(*map(asyncio.wrap_future, shown))


def measure_until(settings: Settings, store: Store, run_id: str, epoch: int) -> list[MeasuredEpoch]:
    """Measure the epochs of a run up to `epoch`; those measured before are measured from their stored answers."""
    run = read_run(store, run_id)  # as it stands now: with its checkpoints, and with what limits an answer
    dataset = read_dataset(store, run.dataset_id)
    return [
        MeasuredEpoch(made, _measure(settings, store, run, dataset, made.epoch))
        for made in run.checkpoints
        if made.epoch <= epoch
    ]


def _measure(settings: Settings, store: Store, run: TrainingRun, dataset: Dataset, epoch: int) -> EpochMeasured | None:
    name = f"epoch-{epoch}"
    transcripts = held_out(store, dataset.dataset_id, validation_only=True)
    if not transcripts:
        return None
    try:
        inference_id = ask(settings, store, models_of(store, run)[name], transcripts)
        return measure_epoch(store, dataset, name, inference_id)
    except (Interrupted, StoreUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the training is worth more than a look at it
        get_run_logger().warning("epoch %d was not measured, and the training goes on: %s", epoch, error)
        return None
    finally:
        if not run.base.stand_in:  # which takes no room, and a second of the processor to free and load again
            unload()
