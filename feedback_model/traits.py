"""The six traits, their scale, and the words that define them.

Everything that speaks of a trait (the labeller's prompt, the model's prompt, the report) takes its words from here.
"""

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
    low: str
    """What a score of 1 means."""
    high: str
    """What a score of 10 means."""


TRAITS: Final = (
    Trait("formality", "Formality", "slang and careless wording throughout", "precise, formal wording throughout"),
    Trait("persuasiveness", "Persuasiveness", "claims without any support", "a clear case, well supported"),
    Trait("enthusiasm", "Enthusiasm", "flat and bored", "lively and eager"),
    Trait("empathy", "Empathy", "ignores how the listener feels", "warmly understands the listener"),
    Trait("filler_words", "Filler words", "a filler in nearly every clause", "no filler distracts"),
    Trait("transition_logic", "Transition logic", "ideas jump without links", "each idea leads to the next"),
)
TRAIT_KEYS: Final = tuple(trait.key for trait in TRAITS)


def rubric() -> str:
    """Return the definition of every trait, one line each, ending without a newline."""
    return "\n".join(f"- {trait.key}: {MIN_SCORE} = {trait.low}; {MAX_SCORE} = {trait.high}." for trait in TRAITS)
