"""Compute types that pay on this machine, found by trying them."""

import time
from functools import cache
from typing import TYPE_CHECKING, Final

from feedback_model.records.recipe import PrecisionName
from feedback_model.records.training import BaseModel, PrecisionUsed, choose_precision

if TYPE_CHECKING:
    import torch

PROBE_SECONDS: Final = 0.05
SIZE: Final = 512
"""Rows and columns of the matrices that are multiplied, as wide as a small language model."""
LEAST_PRODUCTS: Final = 5
"""Products of each type at least, however slow the machine is."""
WORTH: Final = 1.5
"""How many times faster than float32 products in bfloat16 must be, since they round each activation to 8 bits."""


@cache
def bfloat16_speedup() -> float:
    """Measure how many times faster this CPU multiplies matrices in bfloat16 than in float32; takes some 50 ms.

    AMX and AVX512-BF16 are made for it; other CPUs emulate it. The fastest of many products counts, in turn of one type and the
    other, since anything else says how busy the machine is.
    """
    import torch

    matrices = {dtype: torch.ones(SIZE, SIZE, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    seconds = {dtype: [_multiply(one)] for dtype, one in matrices.items()}  # the first one sets the kernel up
    deadline = time.perf_counter() + PROBE_SECONDS
    while time.perf_counter() < deadline or len(seconds[torch.float32]) < LEAST_PRODUCTS:
        for dtype, one in matrices.items():
            seconds[dtype].append(_multiply(one))
    return min(seconds[torch.float32]) / min(seconds[torch.bfloat16])


def _multiply(one: "torch.Tensor") -> float:
    started = time.perf_counter()
    _ = one @ one
    return time.perf_counter() - started


def bfloat16_pays() -> bool:
    """Tell whether this CPU should compute in bfloat16."""
    return bfloat16_speedup() >= WORTH


def choose_for(base: BaseModel, requested: PrecisionName, device: str) -> PrecisionUsed:
    """Choose what `base` is trained in on `device` where `requested` is asked for."""
    pays = device == "cpu" and requested == "float16" and not base.stand_in and bfloat16_pays()
    return choose_precision(requested, device, bfloat16_pays=pays)
