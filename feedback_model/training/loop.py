"""The training loop: plain torch, one update after another, from wherever it was left.

Knows a model's objective, encoded examples and a recipe. Whoever calls it decides what becomes of steps, states and epochs.
"""
# pyright: basic

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from feedback_model.errors import Interrupted, ModelError
from feedback_model.progress import Tracker, track
from feedback_model.records.recipe import PrecisionName, Recipe
from feedback_model.records.training import TrainingStep
from feedback_model.training.collate import collate, epoch_batches, filled_length, micro_batches
from feedback_model.training.encoding import EncodedExample
from feedback_model.training.lanes import Gate, Lanes
from feedback_model.training.memory import keep_freed_memory, peak_memory, return_free_blocks
from feedback_model.training.memory_plan import MemoryPlan, checkpoint_activations
from feedback_model.training.objective import Objective
from feedback_model.training.processes import group_size, share, smallest, sum_over_processes
from feedback_model.training.qlora import trainable_parameters
from feedback_model.training.state import Position

_log = logging.getLogger(__name__)

SAVE_SECONDS: Final = 10.0
"""Training that a kill may cost; saving the adapters of a 0.5B model takes a tenth of a second."""


class Keeper(Protocol):
    """Receiver of the loop's steps, states and epochs; it decides where they are kept."""

    def step_done(self, step: TrainingStep) -> None:
        """Take note of an update."""
        ...

    def save(self, position: Position) -> None:
        """Make everything up to `position` survive a kill."""
        ...

    def epoch_done(self, epoch: int, train_loss: float | None) -> None:
        """Keep the adapter as it is after `epoch`."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What is trained, and on what."""

    model: Any
    objective: Objective
    examples: Sequence[EncodedExample]
    recipe: Recipe
    precision: PrecisionName
    device: str


class TrainingLoop:
    """A model being trained; its state is `optimizer`, `scaler`, `plan` and the position that `run` is given."""

    def __init__(self, task: Task, plan: MemoryPlan) -> None:
        self.plan, self.model, self.device = plan, task.model, task.device
        self.precision: PrecisionName = task.precision
        self._task, self._recipe, self._lanes = task, task.recipe, Lanes()
        keep_freed_memory(not plan.checkpointing)
        self._parameters = trainable_parameters(task.model)
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=self._recipe.learning_rate, weight_decay=self._recipe.weight_decay, fused=True
        )
        self.scaler = torch.amp.GradScaler(self.device, enabled=self.precision == "float16")
        self.n_steps = self._recipe.epochs * math.ceil(len(task.examples) / self._recipe.batch_size)

    def run(self, position: Position, keeper: Keeper) -> None:
        """Train from `position` to the end.

        Raises:
            Interrupted: a stop was requested; what is done was saved.
            ModelError: loss or gradient is no longer a number, the loss has run away, or an example does not fit into memory.
        """
        tracker = track("train", self.n_steps, done=position.step)
        keeper.save(position)
        while position.epoch <= self._recipe.epochs:
            with self._lanes.open(self.plan.lanes):
                self._run_epoch(position, keeper, tracker)
            keeper.save(position)  # keeping an epoch may take minutes where it is measured
            return_free_blocks()  # and then a second model needs room
            keeper.epoch_done(position.epoch, position.mean_loss)
            position.next_epoch()
            keeper.save(position)

    def _run_epoch(self, position: Position, keeper: Keeper, tracker: Tracker) -> None:
        batches = epoch_batches(len(self._task.examples), self._recipe.batch_size, self._recipe.seed, position.epoch)
        saved_at = time.monotonic()
        for indices in batches[position.batch :]:
            keeper.step_done(self._step([self._task.examples[index] for index in indices], position))
            if time.monotonic() - saved_at > SAVE_SECONDS:
                keeper.save(position)
                return_free_blocks()
                saved_at = time.monotonic()
            try:
                tracker.advance(detail=f"epoch {position.epoch}, loss {position.mean_loss:.3f}")
            except Interrupted:
                keeper.save(position)
                raise

    def _step(self, examples: Sequence[EncodedExample], position: Position) -> TrainingStep:
        started = time.perf_counter()
        loss = self._gradients(examples)
        self._check(loss, self._clip(), position)
        learning_rate = learning_rate_at(self._recipe, position.step + 1, self.n_steps)
        self._update(learning_rate)
        n_targets = sum(len(example.answer_ids) for example in examples)
        position.step_done(loss, n_targets)
        return TrainingStep(
            position.step,
            position.epoch,
            loss,
            learning_rate,
            n_tokens=sum(map(len, examples)),
            seconds=time.perf_counter() - started,
            peak_memory=peak_memory(self.device),
        )

    def _gradients(self, examples: Sequence[EncodedExample]) -> float:
        """Leave the gradients of the mean loss on the parameters and return that loss; what does not fit is cut smaller."""
        while True:
            total, refused = self._accumulate(examples)
            if smallest(int(refused is None)):  # all processes cut smaller where one must
                sum_over_processes(self._parameters, total)
                return total.item()
            self.optimizer.zero_grad(set_to_none=True)
            self._narrow(examples, refused)

    def _accumulate(self, examples: Sequence[EncodedExample]) -> tuple[Tensor, Exception | None]:
        """Add up this process's share of gradients and loss; return the loss, and the error if memory was refused."""
        total = torch.zeros((), device=self.device)
        try:
            self._add_up(examples, total)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            return total, error.with_traceback(None)  # whose frames hold what was computed
        return total, None

    def _add_up(self, examples: Sequence[EncodedExample], total: Tensor) -> None:
        n_targets = sum(len(example.answer_ids) for example in examples)
        gate, prefix = Gate(self.plan.in_flight), self._task.objective.prefix

        def compute(piece: Sequence[EncodedExample]) -> tuple[tuple[Tensor | None, ...], Tensor]:
            with gate.passing(prefix + sum(filled_length(example, prefix) - prefix for example in piece)):
                return self._compute(piece, n_targets)

        pieces = [[examples[index] for index in piece] for piece in share(self._cut(examples))]
        for gradients, loss in self._lanes.compute(compute, pieces):
            total += loss
            for parameter, gradient in zip(self._parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)

    def _cut(self, examples: Sequence[EncodedExample]) -> list[list[int]]:
        """Cut a batch into micro-batches: as large as memory allows, as many as keep everyone busy."""
        prefix, packs = self._task.objective.prefix, self._task.objective.packs
        lengths = [filled_length(example, prefix) for example in examples]
        return micro_batches(lengths, prefix, self.plan.token_budget if packs else 0, group_size() * self.plan.lanes)

    def _compute(self, piece: Sequence[EncodedExample], n_targets: int) -> tuple[tuple[Tensor | None, ...], Tensor]:
        """Return the gradients of a micro-batch, scaled as the optimiser expects them, and its part of the mean loss."""
        objective = self._task.objective
        loss = objective(collate(piece, objective.prefix, self.device))
        scaled = self.scaler.scale(loss.minimised / n_targets)
        gradients = torch.autograd.grad(scaled, self._parameters, allow_unused=True)
        return gradients, loss.answers / n_targets

    def _narrow(self, examples: Sequence[EncodedExample], refused: Exception | None) -> None:
        longest = max(filled_length(example, self._task.objective.prefix) for example in examples)
        plan = self.plan.narrowed(longest)
        if plan is None:
            raise ModelError(
                f"an example of {longest} tokens does not fit into memory; free some, or train with "
                f"--set max_length={longest // 2}"
            ) from refused
        if plan.checkpointing and not self.plan.checkpointing:
            checkpoint_activations(self.model)
            keep_freed_memory(False)
        if self.device == "cuda":
            torch.cuda.empty_cache()
        self.plan = plan
        _log.warning(
            "out of memory: micro-batches are now %s, %d at a time at most, and training goes on",
            plan,
            min(plan.in_flight, plan.lanes * plan.token_budget),
        )

    def _clip(self) -> float:
        """Bound the gradients, and return the norm that they had."""
        self.scaler.unscale_(self.optimizer)
        return float(torch.nn.utils.clip_grad_norm_(self._parameters, self._recipe.max_gradient_norm))

    def _check(self, loss: float, gradient: float, position: Position) -> None:
        where = f"step {position.step + 1} of epoch {position.epoch}"
        way_on = f"train with --set learning_rate={self._recipe.learning_rate / 4:.2g}"
        if not math.isfinite(loss):
            raise ModelError(f"the loss is {loss} at {where}; {way_on}, or with --precision bfloat16 or float32")
        # A scaler skips the update by such a gradient, and goes on with smaller numbers.
        if not math.isfinite(gradient) and not self.scaler.is_enabled():
            raise ModelError(f"the gradient's norm is {gradient} at {where}; {way_on}, or with --precision float32")
        if position.has_diverged(loss):
            raise ModelError(
                f"training diverged: the loss had come down to {position.lowest_loss:.2f} and stands at "
                f"{position.smooth_loss:.2f} at {where}; {way_on}"
            )

    def _update(self, learning_rate: float) -> None:
        self.optimizer.param_groups[0]["lr"] = learning_rate
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)


def _is_out_of_memory(error: Exception) -> bool:
    # A CPU's allocator raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)


def learning_rate_at(recipe: Recipe, step: int, n_steps: int) -> float:
    """Learning rate of update `step` (from 1) of `n_steps`: a linear rise to the peak, then half a cosine towards zero."""
    warmup = max(1, round(recipe.warmup_fraction * n_steps))
    if step <= warmup:
        return recipe.learning_rate * step / warmup
    progress = (step - warmup) / max(1, n_steps + 1 - warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
