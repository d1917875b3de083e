"""Plan of an augmentation: rare score levels, the rewrites that would fill them, and reasons for what stays short. Pure.

A level is rare where fewer real train transcripts have it than half of its even share. What may be kept in all is bounded by a
share of the real ones. How much is enough and how much may be kept follow from the real transcripts alone; what is there counts
the accepted rewrites with the six scores they were given. So making what is planned changes no goal, and a plan that is met
is empty.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from feedback_model.augmentation.greedy import aims_of, choose_rewrites
from feedback_model.augmentation.histogram import (
    Budget,
    Choice,
    Counts,
    Histogram,
    as_array,
    build_histogram,
    count_levels,
    empty_counts,
    shortfall_after,
)
from feedback_model.records.labels import LabelledTranscript
from feedback_model.store.augmentations import Rewrite
from feedback_model.traits import SCORES, TRAIT_KEYS

RARE_SHARE: Final = 0.5  # of the even share; higher would rewrite towards levels that are merely less common
MAX_SHARE: Final = 0.1  # rewrites per real train transcript: enough to fill rare levels, too few to set the tone
TRIES_PER_WANTED: Final = 2  # rewrites that miss are replaced until twice as many were bought as were lacking

Reason = Literal["spent its rewrites", "budget", "no parents left"]


@dataclass(frozen=True, slots=True)
class PlannedRewrite:
    """One rewrite to order."""

    parent_id: str
    trait: str
    present_score: int
    """Of the parent, on the trait."""
    target_score: int


@dataclass(frozen=True, slots=True)
class Level:
    """One score level of one trait that too few real train transcripts have."""

    trait: str
    score: int
    real: int
    """Real train transcripts with this score."""
    have: int
    """The same with the accepted rewrites, whatever these aimed at."""
    lacking: int
    """What is missing of enough now."""
    planned: int
    """Rewrites to order that aim at it."""
    left: int
    """What would still be missing once all that is planned came out as meant."""
    reason: Reason | None
    """Why that much would be missing; None where nothing would."""


@dataclass(frozen=True, slots=True)
class AugmentationPlan:
    """The next rewrites, with what the train part lacks before and after them."""

    enough: int
    """Transcripts that each level should have."""
    budget: int
    """Rewrites that may be kept in all."""
    n_kept: int
    """Rewrites that were accepted already."""
    levels: tuple[Level, ...]
    rewrites: tuple[PlannedRewrite, ...]
    """In the order of what they are worth; a part of them is the best of its size that greed finds."""

    @property
    def shortfall(self) -> int:
        """Count what is missing, over all traits and levels."""
        return sum(level.lacking for level in self.levels)

    @property
    def shortfall_after(self) -> int:
        """The same once every rewrite came out as planned."""
        return sum(level.left for level in self.levels)


def count_scores(transcripts: Collection[LabelledTranscript]) -> dict[str, dict[int, int]]:
    """Count the transcripts at each score of each trait; every level is there, empty ones as 0."""
    counts = count_levels(as_array(list(transcripts)))
    return {trait: {score: int(row[score]) for score in SCORES} for trait, row in zip(TRAIT_KEYS, counts, strict=True)}


def plan_augmentation(
    train: Sequence[LabelledTranscript],
    ordered: Collection[Rewrite] = (),
    *,
    max_share: float = MAX_SHARE,
    seed: int = 0,
) -> AugmentationPlan:
    """Choose the rewrites to order next, jointly over all traits; see `joint`.

    Args:
        train: labelled train transcripts, the accepted rewrites among them.
        ordered: every rewrite ordered so far, whatever became of it; none is ordered twice.
        max_share: rewrites to keep in all, per real train transcript.
        seed: of the choice among equally good parents.
    """
    real = [each for each in train if each.origin == "real"]
    n_kept, budget = len(train) - len(real), int(len(real) * max_share)
    counted = _Counted(
        count_levels(as_array(real)), count_levels(as_array(train)), int(len(real) / len(SCORES) * RARE_SHARE)
    )
    board, room = build_histogram(real, ordered, seed), _room(counted, ordered, n_kept, budget)
    choices = choose_rewrites(board, room)
    levels = _levels(counted, room, aims_of(choices), shortfall_after(board, room.short, choices))
    return AugmentationPlan(counted.enough, budget, n_kept, levels, tuple(_named(board, choice) for choice in choices))


@dataclass(frozen=True, slots=True)
class _Counted:
    """The train part by level."""

    real: Counts
    have: Counts
    """The real ones and the accepted rewrites."""
    enough: int

    def lacking(self, counts: Counts) -> Counts:
        """Count what `counts` lack, level by level."""
        lacking = np.maximum(self.enough - counts, 0)
        lacking[:, 0] = 0  # no score
        return lacking


def _room(counted: _Counted, ordered: Collection[Rewrite], n_kept: int, budget: int) -> Budget:
    # A level may take twice as many tries as it lacked at first: what is accepted meanwhile must not change that.
    aims = TRIES_PER_WANTED * counted.lacking(counted.real) - _aimed(ordered)
    tries = TRIES_PER_WANTED * budget - len(ordered)
    return Budget(counted.lacking(counted.have), aims.clip(0), max(0, min(budget - n_kept, tries)))


def _aimed(ordered: Collection[Rewrite]) -> Counts:
    aimed = empty_counts()
    for one in ordered:
        aimed[TRAIT_KEYS.index(one.trait), one.target_score] += 1
    return aimed


def _levels(counted: _Counted, room: Budget, aimed: Counts, left: Counts) -> tuple[Level, ...]:
    """Return every level that the real transcripts leave short, in the order of the traits."""
    budget_spent = int(aimed.sum()) == room.budget
    traits, scores = (axis.tolist() for axis in np.nonzero(counted.lacking(counted.real)))
    return tuple(
        Level(
            trait=TRAIT_KEYS[cell[0]],
            score=cell[1],
            real=int(counted.real[cell]),
            have=int(counted.have[cell]),
            lacking=int(room.short[cell]),
            planned=int(aimed[cell]),
            left=int(left[cell]),
            reason=_reason(int(left[cell]), int(room.aims[cell] - aimed[cell]), budget_spent=budget_spent),
        )
        for cell in zip(traits, scores, strict=True)
    )


def _reason(left: int, tries_left: int, *, budget_spent: bool) -> Reason | None:
    if not left:
        return None
    if not tries_left:
        return "spent its rewrites"
    return "budget" if budget_spent else "no parents left"


def _named(board: Histogram, choice: Choice) -> PlannedRewrite:
    (trait, score), place = choice.cell, choice.parent
    return PlannedRewrite(board.parents[place].transcript_id, TRAIT_KEYS[trait], int(board.scores[place, trait]), score)
