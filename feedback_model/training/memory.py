"""Memory: how much a training may use, how much an example takes, and so how many tokens fit into one micro-batch."""
# pyright: basic

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX, _LARGEST_INT = -1, -3, -8, 2**31 - 1  # mallopt(3)
_LARGE_BLOCK: Final = 128 * 1024
"""Bytes from which glibc asks the system for a block of its own, where nothing else is chosen (mallopt(3))."""
_HEADROOM: Final = 0.85
"""Share of the free memory that is planned with; the allocator keeps some of what was freed, and others want some."""
_BACKWARD: Final = 1.35
"""Peak of a forward and backward pass by what the forward pass keeps: gradients of activations come and go beside them."""


def free_memory(device: str, limit: int = 0) -> int:
    """Bytes that this process may still take: of the GPU, or of the machine, its container and `limit`.

    Args:
        limit: most bytes that this process may hold in all; 0: as many as there are.
    """
    if device == "cuda":
        import torch

        free = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return min(free, limit - torch.cuda.memory_allocated()) if limit else free
    bounds = [_available(), *_container_room()]
    if limit:
        bounds.append(limit - resident_memory())
    return max(0, min(bounds))


def resident_memory() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_memory(device: str) -> int:
    """Most bytes that this process has held: of the GPU where it computes there."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_reserved()
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _available() -> int:
    found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 if found else 0


def _container_room(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Room below each memory limit of the control groups that this process is in, of version 2 and of version 1.

    What the system only keeps of files can be had, so it counts as room, as the kubelet of Kubernetes has it.

    Args:
        own: names the process's group; within a container it may lead nowhere below `root`, whose own limit counts then.
    """
    group = _own_group(own)
    groups = [root / mounted / each for mounted in ("", "memory") for each in (group, *group.parents)]
    return [room for each in groups for room in _room_below(each)]


def _own_group(own: Path) -> PurePosixPath:
    lines = own.read_text().splitlines() if own.exists() else []
    found = {kinds: path for _, kinds, path in (line.split(":", 2) for line in lines)}
    of_memory = next((path for kinds, path in found.items() if "memory" in kinds.split(",")), found.get("", "/"))
    return PurePosixPath(of_memory.lstrip("/"))


def _room_below(group: Path) -> list[int]:
    for limit, used, kept in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            taken = int((group / used).read_text()) - _statistic(group / "memory.stat", kept)
            return [int((group / limit).read_text()) - taken]
        except (OSError, ValueError):  # absent, or "max"
            continue
    return []


def _statistic(file: Path, name: str) -> int:
    found = re.search(rf"^{name} (\d+)$", file.read_text(), re.MULTILINE) if file.exists() else None
    return int(found[1]) if found else 0


def kept_bytes(compute: Callable[[], Any]) -> int:
    """Bytes of activations that `compute` keeps for its backward pass; parameters do not count."""
    import torch

    seen: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        kept = compute()
    del kept
    return sum(seen.values())


def tokens_that_fit(free: int, bytes_per_token: float, fixed: int) -> int:
    """Tokens of one micro-batch.

    Args:
        free: bytes that may still be taken.
        bytes_per_token: what the forward pass keeps of each.
        fixed: bytes that a pass takes whatever its length, such as the logits of some rows.
    """
    return max(0, int((free * _HEADROOM - fixed) / (bytes_per_token * _BACKWARD)))


def bytes_of(tokens: int, bytes_per_token: float, fixed: int) -> int:
    """Free memory into which `tokens` just fit; the inverse of `tokens_that_fit`."""
    return int((tokens * bytes_per_token * _BACKWARD + fixed) / _HEADROOM)


def keep_freed_memory(keep: bool = True) -> None:
    """Let the C library keep large blocks that are freed, for the next ones of their kind, or return each at once.

    It would give each back and ask for it anew, which costs a fault for every page of an activation. What it keeps comes to lie
    in pieces between smaller blocks, so that a process grows with every step until `return_free_blocks`: too much where memory
    is short.
    """
    for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
        _of_c_library("mallopt", option, _LARGEST_INT if keep else _LARGE_BLOCK)


def share_one_arena() -> None:
    """Let all threads of this process that start from now on take their memory from one place."""
    _of_c_library("mallopt", _ARENA_MAX, 1)


def return_freed_memory() -> None:
    """Return to the system what is free: a model that is gone should take no room."""
    import gc

    gc.collect()  # models hold cycles
    return_free_blocks()


def return_free_blocks() -> None:
    """Return to the system the memory of blocks that are free at the moment."""
    _of_c_library("malloc_trim", 0)


def _of_c_library(function: str, *arguments: int) -> None:
    import ctypes

    with suppress(OSError, AttributeError):  # another C library than glibc
        getattr(ctypes.CDLL(None), function)(*arguments)
