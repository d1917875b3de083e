"""Histogram of scores: real train transcripts as an array, levels that are short, and rewrites that may still be requested.

Pure arrays, so that a hundred thousand transcripts are planned in seconds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import LabelledTranscript
from feedback_model.store.augmentations import Rewrite
from feedback_model.traits import MAX_SCORE, TRAIT_KEYS

Counts = NDArray[np.int64]
"""One row a trait, one column a score; column 0 stays empty, so that a score is its own index."""
Mask = NDArray[np.bool_]
EVERY_TRAIT: Final = np.arange(len(TRAIT_KEYS))


class ScoreLevel(NamedTuple):
    """One score level of one trait, by the trait's place."""

    trait: int
    score: int


class Choice(NamedTuple):
    """One rewrite to order: a parent, by its place on the board, towards a cell."""

    parent: int
    cell: ScoreLevel


def empty_counts() -> Counts:
    """No transcript at any level."""
    return np.zeros((len(TRAIT_KEYS), MAX_SCORE + 1), dtype=np.int64)


def as_array(transcripts: Sequence[LabelledTranscript]) -> NDArray[np.int64]:
    """Return their scores, one row a transcript and one column a trait."""
    rows = [each.scores for each in transcripts]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(TRAIT_KEYS))


def count_levels(scores: NDArray[np.int64]) -> Counts:
    """Count the rows with each score of each trait."""
    counts = empty_counts()
    for trait, column in enumerate(scores.T):
        counts[trait] = np.bincount(column, minlength=counts.shape[1])
    return counts


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a plan."""

    short: Counts
    """How many each level lacks of enough."""
    aims: Counts
    """Rewrites that may still be ordered towards each level."""
    budget: int
    """Rewrites that may be ordered in all."""


@dataclass(slots=True)
class Histogram:
    """Parents, and the rewrites of them that were ordered before."""

    parents: Sequence[LabelledTranscript]
    seed: int
    scores: NDArray[np.int64]
    uses: NDArray[np.int64]
    """Rewrites ordered of each parent before."""
    spent: dict[ScoreLevel, Mask] = field(default_factory=dict[ScoreLevel, Mask])
    """By cell, the parents that were rewritten towards it before."""
    _ranks: dict[ScoreLevel, NDArray[np.int64]] = field(default_factory=dict[ScoreLevel, NDArray[np.int64]])

    def eligible(self, cell: ScoreLevel) -> Mask:
        """Parents that have another score and were never rewritten towards this one."""
        other = self.scores[:, cell.trait] != cell.score
        return other & ~self.spent[cell] if cell in self.spent else other

    def distance(self, cell: ScoreLevel) -> NDArray[np.int64]:
        """Measure how far each parent's present score lies from the level's."""
        return np.abs(self.scores[:, cell.trait] - cell.score)

    def nearest(self, cell: ScoreLevel, among: Mask, count: int) -> list[int]:
        """Return the `count` parents of `among` that lie nearest to the cell; the seed decides among equals."""
        found = np.flatnonzero(among)
        keys = self.distance(cell)[found] * len(self.parents) + self._rank(cell)[found]
        if count < len(found):
            smallest = np.argpartition(keys, count)[:count]
            found, keys = found[smallest], keys[smallest]
        return found[np.argsort(keys)].tolist()

    def _rank(self, cell: ScoreLevel) -> NDArray[np.int64]:
        if cell not in self._ranks:
            seed = int(content_id("parents", self.seed, *cell), 16)
            self._ranks[cell] = np.random.default_rng(seed).permutation(len(self.parents))
        return self._ranks[cell]


def build_histogram(parents: Sequence[LabelledTranscript], ordered: Collection[Rewrite], seed: int) -> Histogram:
    """Return the board with every rewrite `ordered` before marked on it."""
    board = Histogram(parents, seed, as_array(parents), np.zeros(len(parents), dtype=np.int64))
    places = {each.transcript_id: place for place, each in enumerate(parents)}
    for one in ordered:
        if one.parent_id not in places:
            continue
        cell, place = ScoreLevel(TRAIT_KEYS.index(one.trait), one.target_score), places[one.parent_id]
        board.spent.setdefault(cell, np.zeros(len(parents), dtype=np.bool_))[place] = True
        board.uses[place] += 1
    return board


def scores_after(board: Histogram, choice: Choice) -> NDArray[np.int64]:
    """Return the six scores a rewrite is planned to have: the parent's, and the target."""
    scores = board.scores[choice.parent].copy()
    scores[choice.cell.trait] = choice.cell.score
    return scores


def shortfall_after(board: Histogram, short: Counts, choices: Sequence[Choice]) -> Counts:
    """Count what each level lacks once every choice has come out as planned."""
    made = np.array([scores_after(board, choice) for choice in choices], dtype=np.int64)
    return np.maximum(short - count_levels(made.reshape(len(choices), len(TRAIT_KEYS))), 0)
