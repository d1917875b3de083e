"""Which score levels are rare, how many transcripts to make for each, and from which real ones. Pure.

A level is rare where fewer real train transcripts have it than half of its even share. What may be made in all is bounded by a
share of the real ones, and goes to the rarest levels first until they stand level. The plan looks at real transcripts alone,
so making what it asks for does not change it.
"""

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from feedback_model.records import content_id
from feedback_model.traits import SCORES, TRAIT_KEYS

RARE_SHARE: Final = 0.5  # of the even share; higher would rewrite towards levels that are merely less common
MAX_SHARE: Final = 0.1  # rewrites per real train transcript: enough to fill rare levels, too few to set the tone
TRIES_PER_WANTED: Final = 2  # rewrites that miss are replaced until twice as many were bought as wanted

Counts = Mapping[str, Mapping[int, int]]
"""Transcripts by trait and score."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One score level of one trait."""

    trait: str
    score: int
    have: int
    """Real train transcripts with this score."""
    want: int
    """Rewrites that should be accepted."""


@dataclass(frozen=True, slots=True)
class AugmentationPlan:
    """What to make, rarest level first within each trait."""

    cells: tuple[Cell, ...]

    @property
    def total(self) -> int:
        """Rewrites that should be accepted in all."""
        return sum(cell.want for cell in self.cells)


def count_scores(scored: Collection[Mapping[str, int]]) -> dict[str, dict[int, int]]:
    """How many have each score of each trait; every level is there, empty ones as 0."""
    counts = {trait: dict.fromkeys(SCORES, 0) for trait in TRAIT_KEYS}
    for scores in scored:
        for trait in TRAIT_KEYS:
            counts[trait][scores[trait]] += 1
    return counts


def plan_augmentation(counts: Counts, *, max_share: float = MAX_SHARE) -> AugmentationPlan:
    """How many rewrites each rare score level should get.

    Args:
        counts: real train transcripts by trait and score.
        max_share: rewrites in all, per real train transcript.
    """
    n_train = max((sum(levels.values()) for levels in counts.values()), default=0)
    enough = n_train / len(SCORES) * RARE_SHARE
    have = {(trait, score): counts[trait].get(score, 0) for trait in counts for score in SCORES}
    want = _fill_lowest(have, enough, int(n_train * max_share))
    return AugmentationPlan(
        tuple(Cell(trait, score, have[trait, score], made) for (trait, score), made in want.items() if made)
    )


def _fill_lowest(have: Mapping[tuple[str, int], int], enough: float, budget: int) -> dict[tuple[str, int], int]:
    """Spend `budget` one by one on the lowest level, until all have `enough`."""
    made = dict.fromkeys(have, 0)
    levels = [(count, cell) for cell, count in have.items() if count + 1 <= enough]
    heapq.heapify(levels)
    for _ in range(budget):
        if not levels:
            break
        count, cell = levels[0]
        made[cell] += 1
        if count + 2 <= enough:
            heapq.heapreplace(levels, (count + 1, cell))
        else:
            heapq.heappop(levels)
    return made


def choose_parents(
    scores: Mapping[str, int], target: int, count: int, *, used: Collection[str] = (), seed: int = 0
) -> tuple[str, ...]:
    """The real transcripts to rewrite towards `target`: nearest score first, drawn with `seed` among equals.

    Args:
        scores: score of the trait by transcript id.
        used: transcripts that were rewritten towards this target before.
    """
    candidates = (name for name, score in scores.items() if score != target and name not in used)
    distance = {name: (abs(scores[name] - target), content_id("parent", seed, target, name)) for name in candidates}
    return tuple(heapq.nsmallest(count, distance, key=distance.__getitem__))
