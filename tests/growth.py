"""Work that grows with its input and not with the square of it, by computing time: a busy machine does not count."""

import time
from collections.abc import Callable


def growth(small: Callable[[], object], large: Callable[[], object]) -> float:
    """How many times the computing time of `small` it is that `large` takes; the first run of `small` warms up."""
    small()
    return _seconds(large) / _seconds(small)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
