"""The state of an unfinished training: everything that the next step depends on, saved so that a kill loses seconds.

Saved to a file of its own and moved into place, so there is always one whole state. The learning rate and the order of
examples are functions of the position; they are not saved.
"""
# pyright: basic

import io
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from feedback_model.training.qlora import trainable_parameters

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Position:
    """Progress of a training, to the step."""

    epoch: int = 1
    """The epoch under way, from 1."""
    batch: int = 0
    """Batches of it that are done."""
    step: int = 0
    """Steps done in all."""
    loss_sum: float = 0.0
    """Nats over all supervised tokens of this epoch so far."""
    n_tokens: int = 0
    """Supervised tokens of this epoch so far."""

    @property
    def mean_loss(self) -> float | None:
        """Nats per supervised token of this epoch so far; None before its first step."""
        return self.loss_sum / self.n_tokens if self.n_tokens else None

    def next_epoch(self) -> None:
        """Stand at the beginning of the next epoch."""
        self.epoch, self.batch, self.loss_sum, self.n_tokens = self.epoch + 1, 0, 0.0, 0


def save_state(path: Path, position: Position, model: Any, optimizer: Any, scaler: Any) -> None:
    """Save everything the next step depends on, replacing an earlier state at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}")
    state = {
        "position": asdict(position),
        "adapter": [parameter.detach() for parameter in trainable_parameters(model)],
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    try:
        buffer = io.BytesIO()  # so that a full disk is an OSError; torch's own writer raises something else
        torch.save(state, buffer)
        written.write_bytes(buffer.getbuffer())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def load_state(path: Path, model: Any, optimizer: Any, scaler: Any) -> Position:
    """Bring model, optimiser, scaler and randomness to the saved state; the beginning, where there is none."""
    if not path.is_file():
        return Position()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - unpickling a damaged file may raise anything; starting over mends it
        _log.warning("the saved state %s cannot be read, so training starts over: %s", path, error)
        return Position()
    with torch.no_grad():
        for parameter, saved in zip(trainable_parameters(model), state["adapter"], strict=True):
            parameter.copy_(saved)
    optimizer.load_state_dict(state["optimizer"])
    scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["random"])
    if state["random_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["random_cuda"])
    return Position(**state["position"])
