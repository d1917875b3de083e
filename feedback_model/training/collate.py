"""Batches: their examples, and their tensors. The order is a pure function of seed and epoch, so resuming needs no more."""
# pyright: basic

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from feedback_model.training.encoding import EncodedExample

if TYPE_CHECKING:
    from torch import Tensor

BUCKET_BATCHES: Final = 32
"""Batches that are sorted by length together: enough to leave little padding, few enough to stay shuffled."""


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of every example once, in batches of similar length, shuffled anew each epoch."""
    shuffled = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    shuffled.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * BUCKET_BATCHES):
        bucket = sorted(order[start : start + batch_size * BUCKET_BATCHES], key=lambda index: lengths[index])
        batches.extend(bucket[at : at + batch_size] for at in range(0, len(bucket), batch_size))
    shuffled.shuffle(batches)
    return batches


@dataclass(frozen=True, slots=True)
class Batch:
    """A padded batch; shapes are (examples, tokens) unless said otherwise."""

    input_ids: "Tensor"
    """Padded on the right: attention is causal, so no token sees padding and no mask is needed."""
    predicts: "Tensor"
    """True on positions whose *next* token is supervised."""
    targets: "Tensor"
    """(supervised,) the next tokens of those positions, row by row."""


def collate(examples: Sequence[EncodedExample], pad_id: int, device: str) -> Batch:
    """Pad `examples` to the longest of them on the right, and mark what is supervised."""
    import torch

    width = max(map(len, examples))
    ids = [[*e.prompt_ids, *e.answer_ids] + [pad_id] * (width - len(e)) for e in examples]
    predicts = [
        [False] * (len(e.prompt_ids) - 1) + [True] * len(e.answer_ids) + [False] * (width - len(e) + 1)
        for e in examples
    ]
    targets = [token for example in examples for token in example.answer_ids]
    return Batch(
        torch.tensor(ids, device=device),
        torch.tensor(predicts, device=device),
        torch.tensor(targets, device=device),
    )
