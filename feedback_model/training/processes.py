"""Training in several processes, one a GPU: each computes a share of every batch, and torch.distributed adds the gradients up."""
# pyright: basic

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, distributed

Piece = TypeVar("Piece")


def _is_alone() -> bool:
    return not (distributed.is_available() and distributed.is_initialized())


def share(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Return this process's share of a batch's micro-batches; all of them where it is the only one."""
    return pieces if _is_alone() else pieces[distributed.get_rank() :: distributed.get_world_size()]


def sum_over_processes(parameters: Sequence[Tensor], loss: Tensor) -> None:
    """Replace gradients and `loss` by their sums over all processes."""
    if _is_alone():
        return
    gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
    together = torch.cat([*(each.flatten() for each in gradients), loss.reshape(1)])
    distributed.all_reduce(together)
    parts = together.split([each.numel() for each in gradients] + [1])
    for parameter, part in zip(parameters, parts, strict=False):
        parameter.grad = part.view_as(parameter).clone()
    loss.copy_(parts[-1][0])
