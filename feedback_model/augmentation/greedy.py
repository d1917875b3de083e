"""Choosing rewrites jointly over the six traits. Pure.

The objective is the shortfall: over all traits and score levels, how many transcripts each level lacks of enough, summed.
A rewrite adds one transcript with six scores, so it can lessen six shortfalls: its target's, and those of the five levels that
its parent's other scores stand at (assumed unchanged; once it is relabelled its actual scores count).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from feedback_model.augmentation.histogram import (
    EVERY_TRAIT,
    Budget,
    Choice,
    Counts,
    Histogram,
    Mask,
    ScoreLevel,
    empty_counts,
    scores_after,
)
from feedback_model.traits import MAX_SCORE

NEIGHBOURHOOD: Final = 3  # points from the target; a text further off has to be written anew rather than rewritten
USES_PER_PARENT: Final = (
    4  # rewrites of one parent in all: the rarest transcripts fit every target and must not set the tone
)


def choose_rewrites(board: Histogram, room: Budget) -> list[Choice]:
    """Take, one after the other, the rewrite after which the summed shortfall falls the most.

    Among equals the emptiest target comes first, then the nearest parent, then what the seed says. Parents in the
    neighbourhood of the target come before all others.
    """
    greedy = _Greedy(board, room)
    for reach in (NEIGHBOURHOOD, MAX_SCORE):
        while greedy.take_best(reach):
            pass
    return greedy.choices


class _Greedy:
    """One joint choice under way."""

    def __init__(self, board: Histogram, room: Budget) -> None:
        self.board, self.short, self.aims, self.left = board, room.short.copy(), room.aims.copy(), room.budget
        self.uses = board.uses.copy()
        self.chosen: dict[ScoreLevel, Mask] = {}
        self.choices: list[Choice] = []

    def take_best(self, reach: int) -> bool:
        """Take rewrites of the greatest fall until falls have to be counted anew; False where none is left."""
        queues, n_before = self._best(reach), len(self.choices)
        while queues and self.left:
            cell = max(queues, key=lambda one: (self.short[one], -one.trait, -one.score))
            parent = queues[cell].pop()
            if self.uses[parent] < USES_PER_PARENT and self._take(Choice(parent, cell)):
                break
            if not queues[cell]:
                break
        return len(self.choices) > n_before

    def _take(self, choice: Choice) -> bool:
        """Take a rewrite; True where a level has filled up, which changes what every other rewrite would do."""
        self.choices.append(choice)
        self.chosen.setdefault(choice.cell, np.zeros(len(self.uses), dtype=np.bool_))[choice.parent] = True
        self.uses[choice.parent] += 1
        self.left -= 1
        self.aims[choice.cell] -= 1
        levels = EVERY_TRAIT, scores_after(self.board, choice)
        filled = bool((self.short[levels] == 1).any())
        self.short[levels] = np.maximum(self.short[levels] - 1, 0)
        return filled or not self.aims[choice.cell]

    def _best(self, reach: int) -> dict[ScoreLevel, list[int]]:
        """By cell the parents whose rewrite makes the summed shortfall fall the most, the best last."""
        scores, cells = self.board.scores, self._open_cells()
        lessened = (self.short[EVERY_TRAIT, scores] > 0).astype(np.int64)
        together = lessened.sum(axis=1) + 1
        falls = {cell: np.where(self._free(cell, reach), together - lessened[:, cell.trait], 0) for cell in cells}
        best = max((int(fall.max(initial=0)) for fall in falls.values()), default=0)
        return {cell: self._queue(cell, fall == best) for cell, fall in falls.items() if best and (fall == best).any()}

    def _open_cells(self) -> list[ScoreLevel]:
        return _cells((self.short > 0) & (self.aims > 0)) if self.left else []

    def _free(self, cell: ScoreLevel, reach: int) -> Mask:
        free = self.board.eligible(cell) & (self.board.distance(cell) <= reach) & (self.uses < USES_PER_PARENT)
        return free & ~self.chosen[cell] if cell in self.chosen else free

    def _queue(self, cell: ScoreLevel, among: Mask) -> list[int]:
        # No more than can be taken before the falls are counted anew.
        count = int(min(self.short[cell], self.aims[cell], self.left))
        return self.board.nearest(cell, among, count)[::-1]


def _cells(where: Mask) -> list[ScoreLevel]:
    return [ScoreLevel(int(trait), int(score)) for trait, score in zip(*np.nonzero(where), strict=True)]


def aims_of(choices: Sequence[Choice]) -> Counts:
    """Count the choices that aim at each level."""
    aimed = empty_counts()
    for choice in choices:
        aimed[choice.cell] += 1
    return aimed
