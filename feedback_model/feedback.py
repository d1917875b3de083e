"""Feedback on one transcript: the record, its JSON schema, and the only code that renders it.

Labels, training targets and the parser's round trip all use `render_feedback`, so they agree by construction.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from feedback_model.traits import SCORES, TRAIT_KEYS


class TraitFeedback(NamedTuple):
    """A score and the reason for it. Unchecked, being made a million times: the parser and the database see to it."""

    score: int
    """An integer, 1 (poor) to 10 (excellent)."""
    explanation: str
    """One or two sentences; never empty."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """Feedback on all six traits, in the order of `TRAITS`."""

    traits: tuple[TraitFeedback, ...]

    def __post_init__(self) -> None:
        if len(self.traits) != len(TRAIT_KEYS):
            raise ValueError(f"{len(self.traits)} traits given, {len(TRAIT_KEYS)} expected")

    @property
    def scores(self) -> dict[str, int]:
        """Score by trait key."""
        return {key: trait.score for key, trait in zip(TRAIT_KEYS, self.traits, strict=True)}

    def __getitem__(self, trait_key: str) -> TraitFeedback:
        return self.traits[TRAIT_KEYS.index(trait_key)]


def render_feedback(feedback: Feedback) -> str:
    """Return the one textual form of feedback: a JSON object, traits in order, score before explanation."""
    return json.dumps(
        {
            key: {"score": trait.score, "explanation": trait.explanation}
            for key, trait in zip(TRAIT_KEYS, feedback.traits, strict=True)
        },
        ensure_ascii=False,
    )


def feedback_schema() -> dict[str, Any]:
    """JSON schema in the dialect of strict structured output: scores are an `enum`, nothing is optional."""
    trait = {
        "type": "object",
        "properties": {"score": {"type": "integer", "enum": list(SCORES)}, "explanation": {"type": "string"}},
        "required": ["score", "explanation"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(TRAIT_KEYS, trait),
        "required": list(TRAIT_KEYS),
        "additionalProperties": False,
    }
