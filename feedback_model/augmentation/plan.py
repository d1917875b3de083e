"""Which score levels are rare, and which real transcripts to rewrite towards them. Pure.

A level is rare where fewer train transcripts have it than half of its even share. All six traits are planned at once, because
a rewrite carries the other five scores of its parent with it: the objective is the total that all levels lack,
sum over traits t and scores s of max(0, enough - n[t, s]), and each step takes the rarest level and, of the real transcripts
nearest to it, the one whose other scores fill most further levels. What is made in all is bounded by a share of the real ones.

Rewrites that were accepted count with all six scores that they were really given, so that what one moved by the way is seen;
what is ordered and missed is tried again with another parent, a bounded number of times.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from feedback_model.traits import MIN_SCORE, SCORES, TRAIT_KEYS

RARE_SHARE: Final = 0.5  # of the even share; higher would rewrite towards levels that are merely less common
MAX_SHARE: Final = 0.1  # rewrites per real train transcript: enough to fill rare levels, too few to set the tone
TRIES_PER_WANTED: Final = 2  # rewrites that miss are replaced until twice as many were bought as wanted

Scores = Mapping[str, int]
"""One transcript's, by trait."""
Counts = Mapping[str, Mapping[int, int]]
"""Transcripts by trait and score."""
Target = tuple[str, str, int]
"""A rewrite: parent, trait, score."""
Reason = Literal["met", "to make", "tries spent", "no parents left", "budget spent"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One score level of one trait that is rare among real transcripts."""

    trait: str
    score: int
    have: int
    """Real train transcripts with this score."""
    made: int
    """Accepted rewrites that have it, whatever they were made for."""
    want: int
    """Rewrites to order now."""
    lacking: int
    """What it will lack even when each of these hits."""
    reason: Reason


@dataclass(frozen=True, slots=True)
class AugmentationPlan:
    """What to make next, and where every rare level stands."""

    cells: tuple[Cell, ...]
    """In the order of traits and scores."""
    rewrites: tuple[Target, ...]
    """To order now, the rarest level first."""
    enough: int
    """Transcripts that a level should have."""

    @property
    def total(self) -> int:
        """Rewrites to order now."""
        return len(self.rewrites)


def count_scores(scored: Collection[Scores]) -> dict[str, dict[int, int]]:
    """How many have each score of each trait; every level is there, empty ones as 0."""
    counts = {trait: dict.fromkeys(SCORES, 0) for trait in TRAIT_KEYS}
    for scores in scored:
        for trait in TRAIT_KEYS:
            counts[trait][scores[trait]] += 1
    return counts


def plan_augmentation(
    real: Mapping[str, Scores],
    accepted: Sequence[Scores] = (),
    ordered: Collection[Target] = (),
    *,
    max_share: float = MAX_SHARE,
    seed: int = 0,
) -> AugmentationPlan:
    """What to rewrite next.

    Args:
        real: scores of the real train transcripts, by id.
        accepted: scores of the rewrites that were accepted so far.
        ordered: every rewrite ordered so far, whatever became of it.
        max_share: rewrites in all, per real train transcript.
        seed: decides among parents that are equally good.
    """
    return _Planner(real, accepted, ordered, max_share, seed).plan()


class _Planner:
    def __init__(
        self,
        real: Mapping[str, Scores],
        accepted: Sequence[Scores],
        ordered: Collection[Target],
        max_share: float,
        seed: int,
    ) -> None:
        self.names = sorted(real)
        self.scores = _as_array([real[name] for name in self.names])
        self.have, self.made = _histogram(self.scores), _histogram(_as_array(accepted))
        self.enough = int(len(self.names) / len(SCORES) * RARE_SHARE)
        self.budget = int(len(self.names) * max_share) - len(accepted)
        self.counts = self.have + self.made
        self.rank = np.random.default_rng(seed).permutation(len(self.names))
        places = {name: place for place, name in enumerate(self.names)}
        self.used: dict[tuple[int, int], set[int]] = {}
        for parent, trait, score in ordered:
            cell = TRAIT_KEYS.index(trait), score - MIN_SCORE
            self.used.setdefault(cell, set()).add(places.get(parent, -1))
        self.planned: list[Target] = []
        self.closed: dict[tuple[int, int], Reason] = {}
        self.free: dict[tuple[int, int], NDArray[np.bool_]] = {}
        self._find_fillers()

    def plan(self) -> AugmentationPlan:
        while (cell := self._rarest()) is not None:
            if len(self.planned) >= self.budget:
                self.closed[cell] = "budget spent"
            elif len(self.used.get(cell, ())) >= TRIES_PER_WANTED * self._wanted_at_first(cell):
                self.closed[cell] = "tries spent"
            elif (place := self._parent(cell)) is None:
                self.closed[cell] = "no parents left"
            else:
                self._take(cell, place)
        return AugmentationPlan(tuple(self._cells()), tuple(self.planned), self.enough)

    def _rarest(self) -> tuple[int, int] | None:
        """The level with the fewest that is not filled and not given up."""
        levels: list[list[int]] = np.argwhere(self.counts < self.enough).tolist()
        short = [(trait, level) for trait, level in levels if (trait, level) not in self.closed]
        return min(short, key=lambda cell: int(self.counts[cell]), default=None)

    def _wanted_at_first(self, cell: tuple[int, int]) -> int:
        return int(self.enough - self.have[cell])

    def _parent(self, cell: tuple[int, int]) -> int | None:
        """The nearest real transcript; of equally near ones, the one whose other scores fill most levels."""
        trait, level = cell
        own = self.scores[:, trait]
        if cell not in self.free:
            self.free[cell] = own != level
            self.free[cell][[place for place in self.used.get(cell, ()) if place >= 0]] = False
        free = self.free[cell]
        if not free.any():
            return None
        distance = np.abs(own - level)
        near = np.flatnonzero(free & (distance == distance[free].min()))
        others = self.fills[near] - self.is_short[trait, own[near]]
        return int(near[np.lexsort((self.rank[near], -others))[0]])

    def _take(self, cell: tuple[int, int], place: int) -> None:
        trait, level = cell
        before = self.counts < self.enough
        carried = self.scores[place].copy()
        carried[trait] = level
        self.counts[np.arange(len(TRAIT_KEYS)), carried] += 1
        self.used.setdefault(cell, set()).add(place)
        self.free[cell][place] = False
        self.planned.append((self.names[place], TRAIT_KEYS[trait], level + MIN_SCORE))
        if not np.array_equal(before, self.counts < self.enough):
            self._find_fillers()

    def _find_fillers(self) -> None:
        """How many short levels each real transcript would add to; changes only when a level is filled."""
        self.is_short = (self.counts < self.enough).astype(np.int64)
        self.fills = self.is_short[np.arange(len(TRAIT_KEYS)), self.scores].sum(axis=1)

    def _cells(self) -> list[Cell]:
        wanted = count_targets(self.planned)
        return [
            Cell(
                trait=TRAIT_KEYS[trait],
                score=level + MIN_SCORE,
                have=int(self.have[trait, level]),
                made=int(self.made[trait, level]),
                want=wanted.get((TRAIT_KEYS[trait], level + MIN_SCORE), 0),
                lacking=max(0, self.enough - int(self.counts[trait, level])),
                reason=self._reason((trait, level), wanted.get((TRAIT_KEYS[trait], level + MIN_SCORE), 0)),
            )
            for trait, level in np.argwhere(self.have < self.enough).tolist()
        ]

    def _reason(self, cell: tuple[int, int], want: int) -> Reason:
        if cell in self.closed:
            return self.closed[cell]
        return "to make" if want or self.have[cell] + self.made[cell] < self.enough else "met"


def count_targets(rewrites: Collection[Target]) -> dict[tuple[str, int], int]:
    """How many rewrites aim at each trait and score."""
    found: dict[tuple[str, int], int] = {}
    for _, trait, score in rewrites:
        found[trait, score] = found.get((trait, score), 0) + 1
    return found


def _as_array(scored: Sequence[Scores]) -> NDArray[np.int64]:
    """One row per transcript, one column per trait, scores from 0."""
    rows = [[scores[trait] - MIN_SCORE for trait in TRAIT_KEYS] for scores in scored]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(TRAIT_KEYS))


def _histogram(scores: NDArray[np.int64]) -> NDArray[np.int64]:
    """Transcripts by trait and score from 0."""
    return np.stack([np.bincount(column, minlength=len(SCORES)) for column in scores.T])
