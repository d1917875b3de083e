"""The training loop: plain torch, one update after another, from wherever it was left.

Knows a model, encoded examples and a recipe. Whoever calls it decides what becomes of steps, states and epochs.
"""

# pyright: basic

import math
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import torch

from feedback_model.errors import Interrupted, ModelError
from feedback_model.progress import Tracker, track
from feedback_model.records.recipe import PrecisionName, Recipe
from feedback_model.records.training import TrainingStep
from feedback_model.training.collate import Batch, collate, epoch_batches
from feedback_model.training.encoding import EncodedExample
from feedback_model.training.qlora import supervised_loss, trainable_parameters
from feedback_model.training.state import Position

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


class TrainingLoop:
    """A model being trained; its state is `optimizer`, `scaler` and the position that `run` is given."""

    def __init__(
        self,
        model: Any,
        examples: Sequence[EncodedExample],
        pad_id: int,
        recipe: Recipe,
        used: PrecisionName,
        device: str,
    ) -> None:
        self._model, self._examples, self._pad_id = model, examples, pad_id
        self._recipe, self._device = recipe, device
        self._parameters = trainable_parameters(model)
        self._autocast = torch.autocast(device, dtype=getattr(torch, used), enabled=used != "float32")
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.scaler = torch.amp.GradScaler(device, enabled=used == "float16")
        self._lengths = [len(example) for example in examples]
        self.n_steps = recipe.epochs * math.ceil(len(examples) / recipe.batch_size)

    def run(self, position: Position, keeper: Keeper) -> None:
        """Train from `position` to the end.

        Raises:
            Interrupted: a stop was requested; what is done was saved.
            ModelError: the loss is no longer a number, or a batch does not fit into memory.
        """
        tracker = track("train", self.n_steps, done=position.step)
        while position.epoch <= self._recipe.epochs:
            self._run_epoch(position, keeper, tracker)
            keeper.epoch_done(position.epoch, position.mean_loss)
            position.next_epoch()
            keeper.save(position)

    def _run_epoch(self, position: Position, keeper: Keeper, tracker: Tracker) -> None:
        batches = epoch_batches(self._lengths, self._recipe.batch_size, self._recipe.seed, position.epoch)
        saved_at = time.monotonic()
        for indices in batches[position.batch :]:
            keeper.step_done(self._step(indices, position))
            if time.monotonic() - saved_at > SAVE_SECONDS:
                keeper.save(position)
                saved_at = time.monotonic()
            try:
                tracker.advance(detail=f"epoch {position.epoch}, loss {position.mean_loss:.3f}")
            except Interrupted:
                keeper.save(position)
                raise

    def _step(self, indices: Sequence[int], position: Position) -> TrainingStep:
        batch = collate([self._examples[index] for index in indices], self._pad_id, self._device)
        learning_rate = learning_rate_at(self._recipe, position.step + 1, self.n_steps)
        try:
            loss = self._update(batch, learning_rate)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"a batch of {len(indices)} does not fit into the GPU's memory; train with "
                f"--set batch_size={max(1, len(indices) // 2)} or --set max_length={self._recipe.max_length // 2}"
            ) from error
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} at step {position.step + 1} of epoch {position.epoch}; train with "
                f"--set learning_rate={self._recipe.learning_rate / 4:.2g}, or with --precision bfloat16 or float32"
            )
        position.batch, position.step = position.batch + 1, position.step + 1
        position.loss_sum += loss * len(batch.targets)
        position.n_tokens += len(batch.targets)
        return TrainingStep(position.step, position.epoch, loss, learning_rate)

    def _update(self, batch: Batch, learning_rate: float) -> float:
        self.optimizer.param_groups[0]["lr"] = learning_rate
        with self._autocast:
            loss = supervised_loss(self._model, batch)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self._parameters, self._recipe.max_gradient_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()


def learning_rate_at(recipe: Recipe, step: int, n_steps: int) -> float:
    """Learning rate of update `step` (from 1) of `n_steps`: a linear rise to the peak, then half a cosine towards zero."""
    warmup = max(1, round(recipe.warmup_fraction * n_steps))
    if step <= warmup:
        return recipe.learning_rate * step / warmup
    progress = (step - warmup) / max(1, n_steps + 1 - warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
