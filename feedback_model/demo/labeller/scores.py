"""Scores of the offline labeller: a text in, six integers out, with what each of them rests on.

Four traits are weighted sums of measures, fitted to people's scores of other texts; transition logic is fitted to
tell a text from its own shuffled sentences; fillers are counted. What it knows is words and their order: a person
hears more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from feedback_model.demo.labeller.cohesion import FEWEST, measure_order
from feedback_model.demo.labeller.measures import measure, zipf_table
from feedback_model.demo.labeller.reading import Reading, read
from feedback_model.demo.labeller.weights import TraitWeights, interpolate, trait_weights
from feedback_model.demo.labeller.words import FUNCTION_WORDS
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

FILLER_LEVELS: Final = ((0.0, 10.0), (2.0, 7.0), (4.0, 5.0), (7.0, 3.0), (12.0, 1.0))
"""Weighed fillers in 100 words, and the score that the rubric gives for them; between them the scale is straight."""
FEWEST_COUNTED: Final = 10
"""Words that a shorter text is taken to have, so that one hesitation in two words is not 50 in 100."""
MIDDLE: Final = 5.0
"""Score of a text that gives no reason for any other."""
ENOUGH_WORDS: Final = 5
"""English words from which a text is judged on its own; with fewer its scores lean to the middle."""
FUNCTIONAL: Final = (0.15, 0.3)
"""Shares of English function words, likewise."""
JUDGED_BY_FUNCTION: Final = 12
"""Words from which a text is expected to have function words."""
FAMILIAR: Final = (0.5, 0.75)
"""Shares of words known as English at which nothing, and everything, that was measured counts."""
HALF_BELIEVED: Final = {"enthusiasm": 20, "persuasiveness": 15}
"""Words at which half of what was measured is believed: two bright words in a short remark are no passion, and a remark that
argues for nothing is no failed argument."""
OPENING: Final = 15
"""Words that set the tone."""
OPENING_SHARE: Final = 0.15
"""What the opening counts again in formality: a greeting is heard beyond its few words."""


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
    familiarity = _familiarity(reading)
    grades = (_grade(trait, reading, measures, familiarity) for trait in TRAIT_KEYS)
    return Scored(reading, measures, tuple(map(round_score, grades)), _certainty(reading, familiarity))


def grade_trait(text: str, trait: str) -> float:
    """Return the score of one trait of `text`, 1 to 10 and not yet rounded.

    Raises:
        KeyError: `trait` is not one of the six.
    """
    reading = read(text)
    measures = measure(reading) | (measure_order(reading) if trait == "transition_logic" else {})
    return _grade(trait, reading, measures, _familiarity(reading))


def _grade(trait: str, reading: Reading, measures: Mapping[str, float | None], familiarity: float) -> float:
    if trait == "filler_words":
        return MAX_SCORE + familiarity * (grade_fillers(reading) - MAX_SCORE)  # in another language they may be words
    found = grade(trait, trait_weights()[trait], reading, measures)
    return MIDDLE + _certainty(reading, familiarity) * (found - MIDDLE)


def grade(trait: str, weights: TraitWeights, reading: Reading, measures: Mapping[str, float | None]) -> float:
    """Return the score of a fitted trait of an English text under `weights`, not yet rounded."""
    found = weights.on_scale(raw_score(trait, weights, reading, measures))
    if trait == "transition_logic" and len(reading.sentences) < FEWEST:
        return max(found, MIDDLE)  # nothing there that could fail to follow
    return found


def raw_score(trait: str, weights: TraitWeights, reading: Reading, measures: Mapping[str, float | None]) -> float:
    """Return the raw score of `trait`: in formality the opening counts again, others believe few words little."""
    whole = weights.raw_score(measures)
    if trait in HALF_BELIEVED:
        believed = len(reading.words) / (len(reading.words) + HALF_BELIEVED[trait])
        return weights.intercept + (whole - weights.intercept) * believed
    if trait != "formality" or len(reading.words) <= OPENING:
        return whole
    opening = weights.raw_score(measure(read(reading.text[: reading.spans[OPENING - 1][1]] + ".")))
    return (1 - OPENING_SHARE) * whole + OPENING_SHARE * opening


def grade_fillers(reading: Reading) -> float:
    """Return the score of filler words, not yet rounded: `FILLER_LEVELS` at the fillers in 100 words."""
    load = sum(filler.weight for filler in reading.fillers)
    return interpolate(100 * load / max(len(reading.words), FEWEST_COUNTED), FILLER_LEVELS)


def fillers_for(score_: float) -> float:
    """Return the weighed fillers in 100 words at which filler words score `score_`."""
    return interpolate(score_, tuple((level, load) for load, level in reversed(FILLER_LEVELS)))


def _certainty(reading: Reading, familiarity: float) -> float:
    return familiarity * min(len(reading.words) / ENOUGH_WORDS, 1.0)


def _familiarity(reading: Reading) -> float:
    """Return how surely a text is English, 0 to 1: by known words, and in longer texts by those no English does without."""
    n_words = len(reading.words)
    if not n_words:
        return 0.0
    table = zipf_table()
    known = _between(sum(word in table or "'" in word or "-" in word for word in reading.words) / n_words, FAMILIAR)
    if n_words < JUDGED_BY_FUNCTION:
        return known
    return min(known, _between(sum(word in FUNCTION_WORDS for word in reading.words) / n_words, FUNCTIONAL))


def _between(share: float, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return min(max((share - low) / (high - low), 0.0), 1.0)


def round_score(graded: float) -> int:
    """Return the score nearest to a grade, halves upwards."""
    return min(max(int(graded + 0.5), MIN_SCORE), MAX_SCORE)
