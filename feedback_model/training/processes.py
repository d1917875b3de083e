"""Training in several processes, one a GPU: each computes a share of every batch, and torch.distributed adds the gradients up.

Here is what each of them does within a step; `launch` starts them, and `rank` is what each runs.
"""
# pyright: basic

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

import torch
from torch import Tensor, distributed

from feedback_model.errors import ConfigurationError

Piece = TypeVar("Piece")
SILENCE: Final = timedelta(hours=1)
"""How long a process waits for the others, of which the first has each epoch measured."""


def count_processes(wanted: int) -> int:
    """Return how many processes train: as many as `wanted`, or 0: one a GPU, and one on a CPU.

    Raises:
        ConfigurationError: more are wanted than there are GPUs.
    """
    gpus = torch.cuda.device_count()
    if gpus and wanted > gpus:
        raise ConfigurationError(
            f"FEEDBACK_TRAINING_PROCESSES is {wanted}, but {gpus} GPUs are visible, and each process needs its own; set it to "
            f"{gpus}, or to 0"
        )
    return wanted or max(1, gpus)


def join_group(rank: int, size: int, meeting: Path) -> None:
    """Become one of `size` processes that train together.

    Args:
        meeting: a file by which they meet, which did not exist before; on a disk of this machine.
    """
    for library in ("GLOO", "NCCL"):
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", "lo")
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=meeting.absolute().as_uri(),
        rank=rank,
        world_size=size,
        timeout=SILENCE,
    )


def group_size() -> int:
    """Count the processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def share(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Return this process's share of a batch's micro-batches; all of them where it is the only one."""
    return pieces if group_size() == 1 else pieces[distributed.get_rank() :: group_size()]


def smallest(number: int) -> int:
    """Return the smallest of the numbers that the processes have."""
    if group_size() == 1:
        return number
    agreed = torch.tensor(number, device="cuda" if torch.cuda.is_available() else "cpu")
    distributed.all_reduce(agreed, distributed.ReduceOp.MIN)
    return int(agreed)


def sum_over_processes(parameters: Sequence[Tensor], loss: Tensor) -> None:
    """Replace gradients and `loss` by their sums over all processes."""
    if group_size() == 1:
        return
    gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
    together = torch.cat([*(each.flatten() for each in gradients), loss.reshape(1)])
    distributed.all_reduce(together)
    parts = together.split([*(each.numel() for each in gradients), 1])
    for parameter, part in zip(parameters, parts, strict=False):
        parameter.grad = part.view_as(parameter).clone()
    loss.copy_(parts[-1][0])
