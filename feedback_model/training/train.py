"""Fine-tune a base model on a dataset, once: the same data, recipe and base give back the run they made before.

Importing this loads no torch; a run that is finished already does not either.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from feedback_model.code_version import code_commit
from feedback_model.errors import ConfigurationError, Interrupted, MissingStage
from feedback_model.records.labels import Dataset, LabelledTranscript
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import (
    BaseModel,
    Checkpoint,
    EpochMeasured,
    PrecisionUsed,
    TrainingRun,
    TrainingStep,
    run_folder,
    run_id_of,
)
from feedback_model.store import training as runs
from feedback_model.store.connection import Store
from feedback_model.store.locks import hold
from feedback_model.training.checkpoints import clear_leftovers, is_kept, publish, share_checkpoint
from feedback_model.training.loading import device_name
from feedback_model.training.machine_lock import sole_training
from feedback_model.training.memory import return_freed_memory
from feedback_model.training.orders import Order
from feedback_model.training.precision import choose_for
from feedback_model.training.shared_states import SharedStates, find_state
from feedback_model.training.tracking import Tracking

if TYPE_CHECKING:
    from feedback_model.training.launch import Ranks
    from feedback_model.training.prepare import HereTrained
    from feedback_model.training.state import Position


class AfterEpoch(Protocol):
    """Measures a checkpoint while its training goes on."""

    def __call__(self, run: TrainingRun, made: Checkpoint) -> EpochMeasured | None:
        """Return the validation figures of the checkpoint; None where there is nothing to measure it on."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a training may use, and who follows it; none of it changes what is learned."""

    memory: int = 0
    """Bytes that a process may hold in all; 0: what the machine has."""
    processes: int = 0
    """That train together; 0: one a GPU, and one on a CPU."""
    after_epoch: AfterEpoch | None = None
    """Measures a checkpoint as soon as there is one."""


def train(
    store: Store,
    home: Path,
    dataset: Dataset,
    examples: Sequence[LabelledTranscript],
    base: BaseModel,
    recipe: Recipe,
    *,
    again: bool = False,
    means: Means = Means(),
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
    with hold(store, f"train:{run_id}", "trains the same recipe on the same data") as held:
        finished = None if again else _find_reusable(held, home, run_id)
        if finished is not None:
            return finished
        if again:
            _forget(held, home, run_id)
        try:
            clear_leftovers(home, run_id)
            with nullcontext() if base.stand_in else sole_training(device_name()):
                return _train_on(held, home, dataset, examples, base, recipe, means)
        except OSError as error:
            raise ConfigurationError(
                f"checkpoints cannot be written under {home}: {error.strerror or error}; make room or give access"
            ) from error


def _find_reusable(store: Store, home: Path, run_id: str) -> TrainingRun | None:
    run = runs.find_finished(store, run_id)
    if run is None or len(run.checkpoints) != run.recipe.epochs:
        return None
    if not all(is_kept(home, made) for made in run.checkpoints):
        return None
    for made in run.checkpoints:
        share_checkpoint(home, made, is_new=False)  # as it was not where the place was named only now
    return replace(run, reused=True)


def _state_file(home: Path, run_id: str) -> Path:
    return home / run_folder(run_id) / "state.safetensors"


def _forget(store: Store, home: Path, run_id: str) -> None:
    _remove_states(home, SharedStates(run_id))
    runs.restart_run(store, run_id)


def _remove_states(home: Path, shared: SharedStates) -> None:
    file = _state_file(home, shared.run_id)
    for each in (file, file.with_suffix(".pt")):  # as earlier versions called it
        each.unlink(missing_ok=True)
    shared.forget()


def _train_on(
    store: Store,
    home: Path,
    dataset: Dataset,
    examples: Sequence[LabelledTranscript],
    base: BaseModel,
    recipe: Recipe,
    means: Means,
) -> TrainingRun:
    device, run_id = device_name(), run_id_of(dataset, base, recipe)
    shared = SharedStates(run_id)
    if runs.find_finished(store, run_id) is not None:  # whose checkpoints are gone: it is trained anew
        _remove_states(home, shared)  # which a kill at its end may have left
    state = find_state(_state_file(home, run_id), shared, runs.began_at(store, run_id))
    run = TrainingRun(
        run_id=run_id,
        dataset_id=dataset.dataset_id,
        base=base,
        recipe=recipe,
        precision=_choose_precision(base, recipe, device, runs.find_begun(store, run_id) if state else None),
        device=device,
        code_commit=code_commit(),
        checkpoints=(),
    )
    runs.begin_run(store, run)
    tracking = Tracking(run, home)
    try:
        _run_loop(store, home, run, examples, state, tracking, means, shared)
    except BaseException:
        tracking.finish(exit_code=1)
        raise
    finally:
        return_freed_memory()
    tracking_id = tracking.tracking_id
    tracking.finish(exit_code=0)
    runs.finish_run(store, run.run_id, tracking_id)
    _remove_states(home, shared)
    return runs.read_run(store, run.run_id)


def _choose_precision(base: BaseModel, recipe: Recipe, device: str, begun: TrainingRun | None) -> PrecisionUsed:
    if begun is not None and begun.device == device:
        return begun.precision  # to go on bit for bit, whatever a busy machine's probe says now
    return choose_for(base, recipe.precision, device)


def _run_loop(
    store: Store,
    home: Path,
    run: TrainingRun,
    examples: Sequence[LabelledTranscript],
    state: dict[str, Any] | None,
    tracking: Tracking,
    means: Means,
    shared: SharedStates,
) -> None:
    from feedback_model.training.processes import count_processes

    order, size = Order(run, examples, means.memory), count_processes(means.processes)
    with _started(order, state, size) as trained:
        runs.record_plan(store, run.run_id, trained.longest_answer, trained.token_budget)
        keeping = _Keeping(store, home, run, trained, tracking, means.after_epoch, shared)
        try:
            trained.follow(keeping)
        except Interrupted:
            keeping.share_state(now=True)
            raise


@contextmanager
def _started(order: Order, state: dict[str, Any] | None, size: int) -> Generator["HereTrained | Ranks"]:
    """Make a training ready, in this process or in `size` others."""
    if size == 1:
        from feedback_model.training.prepare import HereTrained

        yield HereTrained(order, state)
        return
    from feedback_model.training.launch import launched
    from feedback_model.training.state import pack_state

    with launched(size, order, pack_state(state) if state else b"") as ranks:
        yield ranks


@dataclass
class _Keeping:
    """Keeper of the loop's steps, states and epochs in database and home folder."""

    store: Store
    home: Path
    run: TrainingRun
    trained: "HereTrained | Ranks"
    tracking: Tracking
    after_epoch: AfterEpoch | None
    shared: SharedStates
    _steps_done: int = 0
    _steps: list[TrainingStep] = field(default_factory=list[TrainingStep])
    _saved_at: float = field(default_factory=time.monotonic)

    def step_done(self, step: TrainingStep) -> None:
        self._steps.append(step)
        self.tracking.step(step)

    def save(self, position: "Position") -> None:
        now = time.monotonic()
        runs.record_steps(self.store, self.run.run_id, self._steps, now - self._saved_at)
        self._steps, self._saved_at = [], now
        self.trained.save_state(self._state_file, position, runs.began_at(self.store, self.run.run_id) or "")
        self._steps_done = position.step
        self.share_state()

    def share_state(self, *, now: bool = False) -> None:
        """Put the state that was saved last where another machine finds it, `now` or when it is time."""
        self.shared.put(self._state_file, self._steps_done, now=now)

    @property
    def _state_file(self) -> Path:
        return _state_file(self.home, self.run.run_id)

    def epoch_done(self, epoch: int, train_loss: float | None) -> None:
        known = {made.epoch: made.adapter_sha for made in runs.checkpoints_of(self.store, self.run.run_id)}
        path, adapter_sha = publish(self.home, self.run.run_id, epoch, self.trained.save_adapter, known.get(epoch))
        made = Checkpoint(self.run.run_id, epoch, path, adapter_sha, train_loss)
        share_checkpoint(self.home, made, is_new=True)  # before it is recorded: what is recorded can be had everywhere
        self.shared.make_due()
        runs.record_checkpoint(self.store, made)
        last_step = epoch * self.trained.n_steps // self.run.recipe.epochs
        self.tracking.epoch(made, self._measure(made), last_step)
        self._saved_at = time.monotonic()  # measuring is no training

    def _measure(self, made: Checkpoint) -> EpochMeasured | None:
        from feedback_model.training.state import same_randomness

        if self.after_epoch is None:
            return None
        with same_randomness():
            return self.after_epoch(self.run, made)
