"""The state of an unfinished training: everything that the next step depends on, saved so that a kill loses seconds.

Saved to a file of its own and moved into place, so there is always one whole state. The learning rate and the order of
examples are functions of the position; they are not saved. Tensors lie as safetensors, all else as JSON in the header: such a
file may come from a place that other machines write to, and runs no code when it is read.
"""
# pyright: basic

import json
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from feedback_model.records.recipe import PrecisionName
from feedback_model.training.qlora import trainable_parameters

_log = logging.getLogger(__name__)

EARLIER: Final = ".pt"
"""Ending of a state that an earlier version saved in this home, with tensors and plain values alone."""
_HEADER: Final = "state"
SMOOTHING: Final = 0.9
"""Weight of the past in the moving average of the loss."""
SETTLED_STEPS: Final = 10
"""Steps after which the moving average says something."""
DIVERGED_RATIO: Final = 3.0
DIVERGED_NATS: Final = 2.0
"""A loss both this many times and this far above its lowest has run away; noise and new batches stay well below."""


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
    smooth_loss: float = 0.0
    """Moving average of the loss over all epochs."""
    lowest_loss: float = math.inf
    """Lowest value that the moving average has had."""

    @property
    def mean_loss(self) -> float | None:
        """Nats per supervised token of this epoch so far; None before its first step."""
        return self.loss_sum / self.n_tokens if self.n_tokens else None

    def step_done(self, loss: float, n_tokens: int) -> None:
        """Count one more batch, with its mean loss over `n_tokens` supervised tokens."""
        self.smooth_loss = self._smoothed(loss)
        self.batch, self.step = self.batch + 1, self.step + 1
        self.loss_sum, self.n_tokens = self.loss_sum + loss * n_tokens, self.n_tokens + n_tokens
        if self.step >= SETTLED_STEPS:
            self.lowest_loss = min(self.lowest_loss, self.smooth_loss)

    def _smoothed(self, loss: float) -> float:
        return loss if self.step == 0 else SMOOTHING * self.smooth_loss + (1 - SMOOTHING) * loss

    def has_diverged(self, loss: float) -> bool:
        """Tell whether the moving average, with `loss` in it, is far above where it had come down to."""
        smooth = self._smoothed(loss)
        return smooth > DIVERGED_RATIO * self.lowest_loss and smooth > self.lowest_loss + DIVERGED_NATS

    def next_epoch(self) -> None:
        """Stand at the beginning of the next epoch."""
        self.epoch, self.batch, self.loss_sum, self.n_tokens = self.epoch + 1, 0, 0.0, 0


class Resumable(Protocol):
    """A training whose state is in these."""

    model: Any
    optimizer: Any
    scaler: Any
    plan: Any
    """The plan of its micro-batches, a dataclass: made otherwise, sums of gradients would round otherwise."""
    device: str
    precision: PrecisionName


def save_state(path: Path, position: Position, loop: Resumable, begun: str = "") -> None:
    """Save everything the next step depends on, replacing an earlier state at once.

    Args:
        begun: when the training began that this is a state of; another one of the same recipe does not go on from it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}")
    state = {
        "begun": begun,
        "position": asdict(position),
        "adapter": [parameter.detach() for parameter in trainable_parameters(loop.model)],
        "optimizer": loop.optimizer.state_dict(),
        "scaler": loop.scaler.state_dict(),
        "plan": asdict(loop.plan),
        "device": loop.device,
        "precision": loop.precision,
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    try:
        # Not by the library itself: a full disk is an OSError here, and something else there.
        written.write_bytes(pack_state(state))
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, Any] | None:
    """Read a saved state; None where there is none that can be read."""
    earlier = path.with_suffix(EARLIER)
    if not path.is_file() and not earlier.is_file():
        return None
    try:
        if not path.is_file():
            return torch.load(earlier, map_location="cpu", weights_only=True)
        return unpack_state(path.read_bytes())
    except Exception as error:  # noqa: BLE001 - reading a damaged file may raise anything; starting over mends it
        _log.warning("the saved state %s cannot be read, so training starts over: %s", path, error)
        return None


def pack_state(state: dict[str, Any]) -> bytes:
    """Return a state as the bytes of a file of safetensors."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    told = json.dumps(_taken_out(state, tensors))
    return save(tensors, {_HEADER: told})


def unpack_state(packed: bytes) -> dict[str, Any]:
    """Return the state that `pack_state` made these bytes of; raises whatever comes up where they are damaged."""
    from safetensors.torch import load

    length = int.from_bytes(packed[:8], "little")  # of the header, by the format
    told = json.loads(packed[8 : 8 + length])["__metadata__"][_HEADER]
    return _put_back(json.loads(told), load(packed))


def _taken_out(part: Any, tensors: dict[str, Tensor]) -> Any:
    """Return `part` as JSON can say it, with its tensors in `tensors` instead."""
    if isinstance(part, Tensor):
        name = str(len(tensors))
        tensors[name] = part.detach().contiguous()
        return {"tensor": name}
    if isinstance(part, dict):  # as pairs, since keys may be numbers
        return {"pairs": [[key, _taken_out(value, tensors)] for key, value in part.items()]}
    return [_taken_out(each, tensors) for each in part] if isinstance(part, list | tuple) else part


def _put_back(part: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(part, list):
        return [_put_back(each, tensors) for each in part]
    if not isinstance(part, dict):
        return part
    return (
        tensors[part["tensor"]] if "tensor" in part else {key: _put_back(each, tensors) for key, each in part["pairs"]}
    )


def computed_in(state: dict[str, Any], precision: PrecisionName) -> tuple[str, PrecisionName]:
    """Return the device and the compute type of the training that left `state`.

    Args:
        precision: what counts as its compute type where an earlier version did not save that.
    """
    device = "cuda" if state["random_cuda"] else "cpu"
    return state.get("device", device), state.get("precision", precision)


def resume(state: dict[str, Any] | None, loop: Resumable) -> Position:
    """Bring a loop and all randomness to a saved state; the beginning, where there is none."""
    if state is None:
        return Position()
    with torch.no_grad():
        for parameter, saved in zip(trainable_parameters(loop.model), state["adapter"], strict=True):
            parameter.copy_(saved)
    loop.optimizer.load_state_dict(state["optimizer"])
    if state["scaler"]:  # empty of a training that scaled nothing, and ignored by one that does not
        loop.scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["random"])
    if state["random_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["random_cuda"][: torch.cuda.device_count()])
    return Position(**state["position"])


@contextmanager
def same_randomness() -> Iterator[None]:
    """Leave all randomness after the block as it was before it, whatever is drawn inside."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
