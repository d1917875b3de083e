"""The six traits and their scale. What each score means stands in the rubric."""

from dataclasses import dataclass
from typing import Final

MIN_SCORE: Final = 1
MAX_SCORE: Final = 10
SCORES: Final = tuple(range(MIN_SCORE, MAX_SCORE + 1))


@dataclass(frozen=True, slots=True)
class Trait:
    """One quality of a transcript, scored 1 (poor) to 10 (excellent); 10 is good on every trait."""

    key: str
    """The name used in JSON, SQL and charts."""
    title: str
    """The name shown to a reader."""


TRAITS: Final = (
    Trait("formality", "Formality"),
    Trait("persuasiveness", "Persuasiveness"),
    Trait("enthusiasm", "Enthusiasm"),
    Trait("empathy", "Empathy"),
    Trait("filler_words", "Filler words"),
    Trait("transition_logic", "Transition logic"),
)
TRAIT_KEYS: Final = tuple(trait.key for trait in TRAITS)
