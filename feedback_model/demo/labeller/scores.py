"""Scores of the offline labeller: a text in, six integers out, with what each of them rests on.

Four traits are weighted sums of measures, fitted to people's scores of other texts; transition logic is fitted to
tell a text from its own shuffled sentences; fillers are counted. What it knows is words and their order: a person
hears more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from feedback_model.demo.labeller.cohesion import FEWEST, measure_order
from feedback_model.demo.labeller.measures import measure, zipf_table
from feedback_model.demo.labeller.reading import Reading, Span, read
from feedback_model.demo.labeller.weights import TraitWeights, interpolate, trait_weights
from feedback_model.demo.labeller.words import FILLER_WEIGHTS, LIKE_WEIGHT, REPEAT_WEIGHT
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

FILLER_LEVELS: Final = ((0.0, 10.0), (2.0, 7.0), (4.0, 5.0), (7.0, 3.0), (12.0, 1.0))
"""Weighed fillers in 100 words, and the score that the rubric gives for them; between them the scale is straight."""
FEWEST_COUNTED: Final = 10
"""Words that a shorter text is taken to have, so that one hesitation in two words is not 50 in 100."""
MIDDLE: Final = 5.0
"""Score of a text that gives no reason for any other."""
ENOUGH_WORDS: Final = 5
"""English words from which a text is judged on its own; with fewer its scores lean to the middle."""
FAMILIAR: Final = (0.5, 0.75)
"""Shares of words known as English at which nothing, and everything, that was measured counts."""
HALF_BELIEVED: Final = 20
"""Words at which half of the enthusiasm that was measured is believed: two bright words in a short remark are no passion."""
OPENING: Final = 15
"""Words that set the tone."""
OPENING_SHARE: Final = 0.15
"""What the opening counts again in formality: a greeting is heard beyond its few words."""
_PARTS: Final = re.compile(r"[\w'-]+")


@dataclass(frozen=True, slots=True)
class Scored:
    """A text taken apart, its measures, and its scores."""

    reading: Reading
    measures: Mapping[str, float | None]
    scores: tuple[int, ...]
    """1 to 10, in the order of the traits."""
    certainty: float
    """0, where no English word stands, to 1; scores lean to the middle below it."""


def score(text: str) -> Scored:
    """Score `text` on the six traits; any text has scores."""
    reading = read(text)
    measures = measure(reading) | measure_order(reading)
    scores = tuple(round_score(_grade(trait, reading, measures)) for trait in TRAIT_KEYS)
    return Scored(reading, measures, scores, _certainty(reading))


def grade_trait(text: str, trait: str) -> float:
    """Return the score of one trait of `text`, 1 to 10 and not yet rounded.

    Raises:
        KeyError: `trait` is not one of the six.
    """
    reading = read(text)
    return _grade(trait, reading, measure(reading) | (measure_order(reading) if trait == "transition_logic" else {}))


def _grade(trait: str, reading: Reading, measures: Mapping[str, float | None]) -> float:
    return (
        grade_fillers(reading) if trait == "filler_words" else grade(trait, trait_weights()[trait], reading, measures)
    )


def grade(trait: str, weights: TraitWeights, reading: Reading, measures: Mapping[str, float | None]) -> float:
    """Return the score of a fitted trait under `weights`, not yet rounded; it leans to the middle where little is certain."""
    found = MIDDLE + _certainty(reading) * (weights.on_scale(raw_score(trait, weights, reading, measures)) - MIDDLE)
    if trait == "transition_logic" and len(reading.sentences) < FEWEST:
        return max(found, MIDDLE)  # nothing there that could fail to follow
    return found


def raw_score(trait: str, weights: TraitWeights, reading: Reading, measures: Mapping[str, float | None]) -> float:
    """Return the raw score of `trait`: in formality the opening counts again, in enthusiasm little is believed of few words."""
    whole = weights.raw_score(measures)
    if trait == "enthusiasm":
        n_words = len(reading.words)
        return weights.intercept + (whole - weights.intercept) * n_words / (n_words + HALF_BELIEVED)
    if trait != "formality" or len(reading.words) <= OPENING:
        return whole
    opening = weights.raw_score(measure(read(reading.text[: reading.spans[OPENING - 1][1]] + ".")))
    return (1 - OPENING_SHARE) * whole + OPENING_SHARE * opening


def grade_fillers(reading: Reading) -> float:
    """Return the score of filler words, not yet rounded: `FILLER_LEVELS` at the fillers in 100 words."""
    load = sum(weigh_filler(reading, span) for span in reading.found.get("filler", ()))
    load += LIKE_WEIGHT * reading.count("empty_like") + REPEAT_WEIGHT * reading.count("repeat")
    return interpolate(100 * load / max(len(reading.words), FEWEST_COUNTED), FILLER_LEVELS)


def fillers_for(score_: float) -> float:
    """Return the weighed fillers in 100 words at which filler words score `score_`."""
    return interpolate(score_, tuple((level, load) for load, level in reversed(FILLER_LEVELS)))


def weigh_filler(reading: Reading, span: Span) -> float:
    """Return the weight of the filler that stands at `span`."""
    return FILLER_WEIGHTS[" ".join(_PARTS.findall(reading.quote(span).lower().replace("\u2019", "'")))]


def _certainty(reading: Reading) -> float:
    if not reading.words:
        return 0.0
    table = zipf_table()
    known = sum(word in table or "'" in word for word in reading.words)
    low, high = FAMILIAR
    familiar = min(max((known / len(reading.words) - low) / (high - low), 0.0), 1.0)
    return familiar * min(known / ENOUGH_WORDS, 1.0)


def round_score(graded: float) -> int:
    """Return the score nearest to a grade, halves upwards."""
    return min(max(int(graded + 0.5), MIN_SCORE), MAX_SCORE)
