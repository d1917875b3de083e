"""Fine-tune a base model on a dataset, once: the same data, recipe and base give back the run they made before.

Importing this loads no torch; a run that is finished already does not either.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedback_model.code_version import code_commit
from feedback_model.errors import ConfigurationError, MissingStage
from feedback_model.records.labels import Dataset, LabelledTranscript
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import (
    BaseModel,
    Checkpoint,
    TrainingRun,
    TrainingStep,
    choose_precision,
    run_folder,
    run_id_of,
)
from feedback_model.store import training as runs
from feedback_model.store.connection import Store
from feedback_model.store.locks import hold
from feedback_model.training.checkpoints import clear_leftovers, find_checkpoint, publish
from feedback_model.training.tracking import Tracking

if TYPE_CHECKING:
    from feedback_model.training.loop import TrainingLoop
    from feedback_model.training.state import Position


def train(
    store: Store,
    settings_home: Path,
    dataset: Dataset,
    examples: Sequence[LabelledTranscript],
    base: BaseModel,
    recipe: Recipe,
    *,
    again: bool = False,
) -> TrainingRun:
    """Fine-tune `base` on `examples` with QLoRA and leave one checkpoint an epoch; goes on where it was interrupted.

    A recipe without augmentation leaves the rewrites among `examples` out.

    Args:
        examples: the train split of `dataset`.
        again: train from scratch even if this very run was finished or begun before.

    Raises:
        MissingStage: there is nothing to train on.
        ConfigurationError: the home folder cannot be written.
        ModelError: the base cannot be loaded or trained.
        Interrupted: a stop was requested; what is done is kept.
    """
    if not recipe.with_augmented:
        examples = [example for example in examples if example.origin == "real"]
    if not examples:
        raise MissingStage(f"dataset {dataset.dataset_id[:8]} has no train examples; label more transcripts first")
    run_id = run_id_of(dataset, base, recipe)
    with hold(store, f"train:{run_id}", "trains the same recipe on the same data"):
        finished = None if again else _find_reusable(store, settings_home, run_id)
        if finished is not None:
            return finished
        if again:
            _forget(store, settings_home, run_id)
        try:
            clear_leftovers(settings_home, run_id)
            return _train_on(store, settings_home, dataset, examples, base, recipe)
        except OSError as error:
            raise ConfigurationError(
                f"checkpoints cannot be written under {settings_home}: {error.strerror or error}; make room or give access"
            ) from error


def _find_reusable(store: Store, home: Path, run_id: str) -> TrainingRun | None:
    run = runs.find_finished(store, run_id)
    if run is None or len(run.checkpoints) != run.recipe.epochs:
        return None
    if any(find_checkpoint(home, made) is None for made in run.checkpoints):
        return None
    return replace(run, reused=True)


def _state_file(home: Path, run_id: str) -> Path:
    return home / run_folder(run_id) / "state.pt"


def _forget(store: Store, home: Path, run_id: str) -> None:
    _state_file(home, run_id).unlink(missing_ok=True)
    runs.restart_run(store, run_id)


def _train_on(
    store: Store, home: Path, dataset: Dataset, examples: Sequence[LabelledTranscript], base: BaseModel, recipe: Recipe
) -> TrainingRun:
    from feedback_model.training.loading import device_name

    device = device_name()
    run = TrainingRun(
        run_id=run_id_of(dataset, base, recipe),
        dataset_id=dataset.dataset_id,
        base=base,
        recipe=recipe,
        precision=choose_precision(recipe.precision, device),
        device=device,
        code_commit=code_commit(),
        checkpoints=(),
    )
    runs.begin_run(store, run)
    tracking = Tracking(run, home)
    try:
        _run_loop(store, home, run, examples, tracking)
    except BaseException:
        tracking.finish(exit_code=1)
        raise
    tracking_id = tracking.tracking_id
    tracking.finish(exit_code=0)
    runs.finish_run(store, run.run_id, tracking_id)
    _state_file(home, run.run_id).unlink(missing_ok=True)
    return replace(run, checkpoints=runs.checkpoints_of(store, run.run_id))


def _run_loop(
    store: Store, home: Path, run: TrainingRun, examples: Sequence[LabelledTranscript], tracking: Tracking
) -> None:
    from feedback_model.training.encoding import ChatEncoder
    from feedback_model.training.loading import load_model, load_tokenizer
    from feedback_model.training.loop import TrainingLoop
    from feedback_model.training.qlora import attach_adapters
    from feedback_model.training.state import load_state

    tokenizer = load_tokenizer(run.base)
    base_model = load_model(run.base, quantised=True, device=run.device, precision=run.precision["used"])
    max_length = min(run.recipe.max_length, base_model.config.max_position_embeddings)
    encoded = ChatEncoder(tokenizer).encode_examples(examples, max_length)
    model = attach_adapters(base_model, run.recipe)
    loop = TrainingLoop(model, encoded, tokenizer.pad_token_id, run.recipe, run.precision["used"], run.device)
    position = load_state(_state_file(home, run.run_id), model, loop.optimizer, loop.scaler)
    loop.run(position, _Keeping(store, home, run, model, loop, tracking))


@dataclass
class _Keeping:
    """Keeper of the loop's steps, states and epochs in database and home folder."""

    store: Store
    home: Path
    run: TrainingRun
    model: Any
    loop: "TrainingLoop"
    tracking: Tracking
    _steps: list[TrainingStep] = field(default_factory=list[TrainingStep])
    _saved_at: float = field(default_factory=time.monotonic)

    def step_done(self, step: TrainingStep) -> None:
        self._steps.append(step)
        self.tracking.step(step)

    def save(self, position: "Position") -> None:
        from feedback_model.training.state import save_state

        now = time.monotonic()
        runs.record_steps(self.store, self.run.run_id, self._steps, now - self._saved_at)
        self._steps, self._saved_at = [], now
        save_state(_state_file(self.home, self.run.run_id), position, self.model, self.loop.optimizer, self.loop.scaler)

    def epoch_done(self, epoch: int, train_loss: float | None) -> None:
        from feedback_model.training.qlora import save_adapter

        known = {made.epoch: made.adapter_sha for made in runs.checkpoints_of(self.store, self.run.run_id)}
        path, adapter_sha = publish(
            self.home, self.run.run_id, epoch, lambda folder: save_adapter(self.model, folder), known.get(epoch)
        )
        runs.record_checkpoint(self.store, Checkpoint(self.run.run_id, epoch, path, adapter_sha, train_loss))
        self.tracking.epoch(epoch, train_loss)
