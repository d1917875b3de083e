"""Training in several processes, one a GPU: each computes a share of every batch, and torch.distributed adds the gradients up.

This process is the first of them and alone keeps steps, states and checkpoints. The others are started by
torch.multiprocessing, which has them end with this one, and meet it through a file.
"""
# pyright: basic

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, distributed
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

from feedback_model.errors import ModelError

Piece = TypeVar("Piece")
Job = Callable[..., None]
SILENCE: Final = timedelta(hours=1)
"""How long a process waits for the others, of which the first measures each epoch."""


def count_processes(wanted: int) -> int:
    """Return how many processes train: as many as `wanted`, or 0: one a GPU, and one on a CPU."""
    return wanted or max(1, torch.cuda.device_count())


@contextmanager
def helped_by(size: int, meeting: Path, job: Job, *arguments: Any) -> Generator[None]:
    """Let `size` - 1 other processes run `job` with `arguments` beside the block, as one group of torch.distributed.

    Args:
        meeting: a file that does not exist yet, on a disk of this machine.

    Raises:
        ModelError: one of them failed.
    """
    if size == 1:
        yield
        return
    meeting.parent.mkdir(parents=True, exist_ok=True)  # else the others would wait for it
    meeting.unlink(missing_ok=True)
    helpers: Any = spawn(_help, (size, meeting, job, arguments), size - 1, join=False, daemon=True)
    threads = torch.get_num_threads()
    try:
        _join(0, size, meeting)
        yield
    except RuntimeError as error:
        raise ModelError(f"one of the {size} training processes ended: {_reason(helpers) or error}") from error
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        torch.set_num_threads(threads)
        for process in helpers.processes:
            process.kill()
        meeting.unlink(missing_ok=True)


def _help(number: int, size: int, meeting: Path, job: Job, arguments: tuple[Any, ...]) -> None:
    rank = number + 1
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    _join(rank, size, meeting)
    job(*arguments)


def _join(rank: int, size: int, meeting: Path) -> None:
    for library in ("GLOO", "NCCL"):
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", "lo")
    torch.set_num_threads(max(1, torch.get_num_threads() // size))
    distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=meeting.absolute().as_uri(),
        rank=rank,
        world_size=size,
        timeout=SILENCE,
    )


def _reason(helpers: Any) -> str:
    try:
        helpers.join(timeout=5)
    except (ProcessRaisedException, ProcessExitedException) as error:
        return str(error).strip().splitlines()[-1]
    return ""


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
