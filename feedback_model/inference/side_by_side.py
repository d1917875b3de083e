"""Texts asked about side by side: each thread answers some of its own, so none waits for another within a product.

As in training (`feedback_model.training.lanes`): on a CPU, threads that share the products of one batch meet thousands of times.
"""
# pyright: basic

import time
from collections.abc import Sequence
from dataclasses import replace

from feedback_model.inference.generator import Generator, Output
from feedback_model.training.lanes import Lanes


class SideBySide:
    """A generator whose batches are divided among threads."""

    def __init__(self, generator: Generator, lanes: int) -> None:
        self._generator, self._most = generator, lanes

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each prompt."""
        return self._generator.lengths(texts)

    def generate(self, texts: Sequence[str]) -> list[Output]:
        """Return the outputs on `texts`, in their order."""
        count = min(self._most, len(texts))
        if count <= 1:
            return self._generator.generate(texts)
        started, lanes = time.perf_counter(), Lanes()
        with lanes.open(count):
            # In turn, since texts come sorted by their length.
            answered = list(lanes.compute(self._generator.generate, [texts[lane::count] for lane in range(count)]))
        seconds = (time.perf_counter() - started) / len(texts)
        return [replace(answered[at % count][at // count], seconds=seconds) for at in range(len(texts))]
