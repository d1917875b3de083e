"""Micro-batches side by side: each thread computes one of its own, so none waits for another within a product.

On a CPU threads that share the products of one micro-batch meet at the end of each, thousands of times a step. If they wait
asleep they come back late; if they spin they take the cores from every other process. Threads with micro-batches of their own
meet once a step.
"""
# pyright: basic

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Condition
from typing import Final, TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")
MOST: Final = 4
"""Beyond that micro-batches become small: each reads all weights, and computes the common beginning once more."""


def lanes_of(device: str, dropout: float = 0.0) -> int:
    """Return how many micro-batches or texts are computed side by side where memory allows.

    A GPU is busy with one. With dropout all threads would draw from one source of randomness, in an order that nobody knows.
    """
    return 1 if device != "cpu" or dropout else min(MOST, torch.get_num_threads())


class Gate:
    """Lets pieces be computed at the same time only while all of them together are not too large; one alone always passes."""

    def __init__(self, room: int) -> None:
        self._room, self._taken, self._changed = room, 0, Condition()

    @contextmanager
    def passing(self, size: int) -> Generator[None]:
        """Wait until there is room for a piece of `size`, which takes it during the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + size <= self._room)
            self._taken += size
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()


class Lanes:
    """Threads that compute micro-batches while they are `open`; before and after, the calling thread does."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    @contextmanager
    def open(self, count: int) -> Generator[None]:
        """Have `count` threads for the block, which share the cores that PyTorch uses."""
        if count == 1:
            yield
            return
        threads = torch.get_num_threads()
        each = max(1, threads // count)
        try:
            with ThreadPoolExecutor(count, "lane", torch.set_num_threads, (each,)) as self._pool:
                yield
        finally:
            self._pool = None
            torch.set_num_threads(threads)  # a lane's number counts for every thread to come

    def compute(self, job: Callable[[Piece], Result], pieces: Sequence[Piece]) -> Iterator[Result]:
        """Yield what `job` returns of each piece, in their order; where one fails, none is at work any more."""
        if self._pool is None:
            yield from map(job, pieces)
            return
        futures = deque(self._pool.submit(job, piece) for piece in pieces)
        try:
            while futures:
                yield futures.popleft().result()  # which nothing else keeps, once it is used
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
