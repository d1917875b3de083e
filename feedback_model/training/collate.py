"""Batches: which examples make one, how it is cut into micro-batches that fit, and their tensors.

The order is a pure function of seed and epoch, so resuming needs no more. Examples of a micro-batch lie end to end in one
row behind the prompt's fixed beginning, which they share: next to no padding, and the beginning is computed once.
"""
# pyright: basic

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from feedback_model.training.encoding import EncodedExample

if TYPE_CHECKING:
    from torch import Tensor


def epoch_batches(n_examples: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of every example once, in batches, shuffled anew each epoch."""
    order = list(range(n_examples))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return [order[start : start + batch_size] for start in range(0, n_examples, batch_size)]


def micro_batches(lengths: Sequence[int], prefix: int, token_budget: int) -> list[list[int]]:
    """Cut a batch into as few pieces of at most `token_budget` tokens as its order allows, and these as even as they can be.

    Even pieces need less memory for the same work. An example longer than the budget is a piece of its own.

    Args:
        lengths: tokens of each example, the shared `prefix` tokens included; a piece holds the prefix once.
    """
    fewest = len(_fill(lengths, prefix, token_budget))
    even = bisect_left(range(token_budget), True, key=lambda size: len(_fill(lengths, prefix, size)) <= fewest)
    return _fill(lengths, prefix, even)


def _fill(lengths: Sequence[int], prefix: int, token_budget: int) -> list[list[int]]:
    """Fill one piece after the other, in order."""
    pieces: list[list[int]] = []
    room = 0
    for index, length in enumerate(lengths):
        own = length - prefix
        if not pieces or own > room:
            pieces.append([])
            room = token_budget - prefix
        pieces[-1].append(index)
        room -= own
    return pieces


@dataclass(frozen=True, slots=True)
class Segments:
    """Where one row holds what: the shared beginning, then the rest of each example."""

    prefix: int
    """Tokens that every example begins with; 0: they share nothing."""
    bounds: tuple[tuple[int, int], ...]
    """(start, end) of each example's own tokens."""


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Examples in one row of `n` tokens."""

    input_ids: "Tensor"
    """(1, n)"""
    position_ids: "Tensor"
    """(1, n) position of each token in its own example."""
    predicts: "Tensor"
    """(supervised,) positions in the row whose *next* token is supervised."""
    targets: "Tensor"
    """(supervised,) the next tokens of those positions."""
    segments: Segments


OWN_MULTIPLE: Final = 16
ROW_MULTIPLE: Final = 64
"""Tokens to which an example's own part and a row are filled up on a CPU: its libraries make a kernel for every new shape, which
costs more than these tokens, and keep it, so that memory would grow with every step."""


def filled_length(example: EncodedExample, prefix: int) -> int:
    """Count the tokens that `example` takes in a row, the prefix included."""
    return prefix + _round_up(len(example) - prefix, OWN_MULTIPLE)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def collate(examples: Sequence[EncodedExample], prefix: int, device: str) -> MicroBatch:
    """Lay `examples`, whose first `prefix` prompt tokens are the same, end to end behind these.

    What fills an example up stands behind it, where no token of it looks.
    """
    import torch

    own = [[*example.prompt_ids[prefix:], *example.answer_ids] for example in examples]
    lengths = [len(each) if device != "cpu" else _round_up(len(each), OWN_MULTIPLE) for each in own]
    if device == "cpu":
        lengths[-1] += -(prefix + sum(lengths)) % ROW_MULTIPLE
    bounds = tuple(pairwise(accumulate(lengths, initial=prefix)))
    filled = [each + each[-1:] * (length - len(each)) for each, length in zip(own, lengths, strict=True)]
    ids = [*examples[0].prompt_ids[:prefix], *(token for each in filled for token in each)]
    positions = [*range(prefix), *(prefix + at for length in lengths for at in range(length))]
    predicts = [
        start + len(each) - 1 - back
        for (start, _), each, example in zip(bounds, own, examples, strict=True)
        for back in range(len(example.answer_ids), 0, -1)
    ]
    targets = [token for example in examples for token in example.answer_ids]
    return MicroBatch(
        torch.tensor([ids], device=device),
        torch.tensor([positions], device=device),
        torch.tensor(predicts, device=device),
        torch.tensor(targets, device=device),
        Segments(prefix, bounds),
    )
