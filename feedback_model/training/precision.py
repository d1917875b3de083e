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
WORTH: Final = 1.5
"""How many times faster than float32 products in bfloat16 must be, since they round each activation to 8 bits."""


@cache
def bfloat16_speedup() -> float:
    """Measure how many times faster this CPU multiplies matrices in bfloat16 than in float32; takes some 50 ms.

    AMX and AVX512-BF16 make it three to twelve times; a CPU without them is slower in bfloat16.
    """
    import torch

    rates = {dtype: _products_per_second(dtype) for dtype in (torch.float32, torch.bfloat16)}
    return rates[torch.bfloat16] / rates[torch.float32]


def bfloat16_pays() -> bool:
    """Tell whether this CPU should compute in bfloat16."""
    return bfloat16_speedup() >= WORTH


def choose_for(base: BaseModel, requested: PrecisionName, device: str) -> PrecisionUsed:
    """Choose what `base` is trained in on `device` where `requested` is asked for."""
    pays = device == "cpu" and requested == "float16" and not base.stand_in and bfloat16_pays()
    return choose_precision(requested, device, bfloat16_pays=pays)


def _products_per_second(dtype: "torch.dtype") -> float:
    import torch

    one = torch.ones(SIZE, SIZE, dtype=dtype)
    _ = one @ one  # the first product sets the kernel up
    done, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < PROBE_SECONDS / 2:
        _ = one @ one
        done += 1
    return done / seconds
