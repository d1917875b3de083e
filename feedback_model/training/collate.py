"""Batches: which examples make one, how it is cut into micro-batches that fit, and their tensors.

The order is a pure function of seed and epoch, so resuming needs no more. Examples of a micro-batch lie end to end in one
row behind the prompt's fixed beginning, which they share: next to no padding, and the beginning is computed once.
"""
# pyright: basic

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from feedback_model.training.branches import ROOT, TaughtTree, TokenTree
from feedback_model.training.encoding import EncodedExample

if TYPE_CHECKING:
    from torch import Tensor


def epoch_batches(n_examples: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of every example once, in batches, shuffled anew each epoch."""
    order = list(range(n_examples))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return [order[start : start + batch_size] for start in range(0, n_examples, batch_size)]


def micro_batches(lengths: Sequence[int], prefix: int, token_budget: int, workers: int = 1) -> list[list[int]]:
    """Cut a batch into as few pieces of at most `token_budget` tokens as its order allows, and these as even as they can be.

    Even pieces need less memory for the same work. An example longer than the budget is a piece of its own.

    Args:
        lengths: tokens of each example, the shared `prefix` tokens included; a piece holds the prefix once.
        workers: that compute pieces at the same time, so that there is a piece for each of them until the last.
    """
    fewest = -(-len(_fill(lengths, prefix, token_budget)) // workers) * workers
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
class Segment:
    """Tokens of one example that stand together in a row; they see the shared beginning, and nothing of other examples."""

    start: int
    end: int
    sees: tuple[int, int] = (0, 0)
    """(start, end) of what else they see: of a tree, the prompt that it grows from."""
    parents: tuple[int, ...] | None = None
    """Of a tree, each token's parent in it, whose ancestors it sees; None: a chain, whose tokens see all before them."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Where one row holds what: the shared beginning, then the rest of each example."""

    prefix: int
    """Tokens that every example begins with; 0: they share nothing."""
    parts: tuple[Segment, ...]
    """Of each example its prompt and answer, then its branches if it has any."""


@dataclass(frozen=True, slots=True)
class TaughtScores:
    """Where in a row the scores of some examples are read off their branches, trait by trait."""

    begun: "Tensor"
    """(n,) positions after which a score begins"""
    behind: "Tensor"
    """(n, open) positions of first tokens after which a score may go on, as the spelling has them"""
    scores: "Tensor"
    """(n,) what the label says, or the mean of what the labeller held likely"""


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
    branched: int = 0
    """How many of the supervised, the last ones, stand in branches."""
    taught_scores: TaughtScores | None = None
    """Only where branches are taught."""


OWN_MULTIPLE: Final = 16
ROW_MULTIPLE: Final = {"cpu": 64, "cuda": 8}
"""Tokens to which an example's own part (on a CPU) and a row are filled up. A CPU's libraries make a kernel for every new shape,
which costs more than these tokens, and keep it, so that memory would grow with every step; a GPU's attention wants a mask whose
rows begin at multiples of 16 bytes."""


def filled_length(example: EncodedExample, prefix: int) -> int:
    """Count the tokens that `example` takes in a row, the prefix included."""
    own = len(example.prompt_ids) + len(example.answer_ids) - prefix
    return prefix + _round_up(own, OWN_MULTIPLE) + _round_up(len(example.tree), OWN_MULTIPLE)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


@dataclass
class _Row:
    """A row in the making."""

    ids: list[int]
    positions: list[int]
    filled: int
    """Multiple of tokens to which each part is filled up."""
    parts: list[Segment] = field(default_factory=list[Segment])

    def add_chain(self, ids: Sequence[int], first: int) -> None:
        """Add tokens that stand at positions from `first` on; what fills them up stands behind, where no token of them looks."""
        start, ids = len(self.ids), self._fill(ids)
        self.ids += ids
        self.positions += range(first, first + len(ids))
        self.parts.append(Segment(start, len(self.ids)))

    def add_tree(self, tree: TokenTree, first: int, sees: tuple[int, int]) -> None:
        """Add branches behind a prompt that ends before position `first`; what fills them up are branches of one token."""
        start, ids = len(self.ids), self._fill(tree.ids)
        spare = len(ids) - len(tree)
        self.ids += ids
        self.positions += [first + depth for depth in (*tree.depths, *[0] * spare)]
        self.parts.append(Segment(start, len(self.ids), sees, tree.parents + (ROOT,) * spare))

    def _fill(self, ids: Sequence[int]) -> list[int]:
        return [*ids, *[ids[-1]] * (-len(ids) % self.filled)]

    def fill_up(self, multiple: int) -> None:
        """Lengthen the last part until the row has a multiple of tokens."""
        last, spare = self.parts[-1], -len(self.ids) % multiple
        self.ids += self.ids[-1:] * spare
        self.positions += self.positions[-1:] * spare
        parents = None if last.parents is None else last.parents + (ROOT,) * spare
        self.parts[-1] = replace(last, end=len(self.ids), parents=parents)


def collate(examples: Sequence[EncodedExample], prefix: int, device: str) -> MicroBatch:
    """Lay `examples`, whose first `prefix` prompt tokens are the same, end to end behind these.

    Branches stand behind the answer of their example, and see its prompt alone.
    """
    import torch

    row = _Row(list(examples[0].prompt_ids[:prefix]), list(range(prefix)), OWN_MULTIPLE if device == "cpu" else 1)
    predicts: list[int] = []
    trees: list[tuple[int, TaughtTree]] = []
    for example in examples:
        start, n_prompt = len(row.ids), len(example.prompt_ids) - prefix
        row.add_chain([*example.prompt_ids[prefix:], *example.answer_ids], prefix)
        predicts += range(start + n_prompt - 1, start + n_prompt - 1 + len(example.answer_ids))
        if example.branches:
            trees.append((len(row.ids), example.branches))
            row.add_tree(example.tree, len(example.prompt_ids), (start, start + n_prompt))
    row.fill_up(ROW_MULTIPLE[device])
    branched = [start + at for start, tree in trees for at in tree.predicts]
    targets = [token for example in examples for token in example.answer_ids]
    targets += [token for _, tree in trees for token in tree.targets]
    return MicroBatch(
        torch.tensor([row.ids], device=device),
        torch.tensor([row.positions], device=device),
        torch.tensor(predicts + branched, device=device),
        torch.tensor(targets, device=device),
        Segments(prefix, tuple(row.parts)),
        len(branched),
        _taught_scores(trees, device) if trees else None,
    )


def _taught_scores(trees: Sequence[tuple[int, TaughtTree]], device: str) -> TaughtScores:
    import torch

    behind = [[start + at for at in each] for start, tree in trees for each in tree.asked.behind]
    return TaughtScores(
        torch.tensor([start + at for start, tree in trees for at in tree.asked.begun], device=device),
        torch.tensor(behind, device=device, dtype=torch.long),
        torch.tensor([score for _, tree in trees for score in tree.scores], device=device),
    )
