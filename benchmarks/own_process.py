"""The environment of a process that is measured."""

import os


def environment_with(threads: int) -> dict[str, str]:
    """This process's own, with so many threads and what `feedback` says to numeric libraries; good for any side."""
    given = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    return {**os.environ, **given, "THP_MEM_ALLOC_ENABLE": "1", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256"}
