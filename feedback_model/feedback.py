"""Feedback on one transcript: the record, and the only code that renders it.

Training targets and the parser's round trip use `render_feedback`, so they agree by construction. A labeller answers with more:
a quoted piece of evidence for each trait, which is checked and kept beside the label but is no part of the feedback.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from feedback_model.traits import SCORES, TRAIT_KEYS

AnswerOrder = Literal["score-first", "evidence-first"]

DEFAULT_ORDER: Final[AnswerOrder] = "score-first"

MEMBERS: Final[dict[AnswerOrder, tuple[str, ...]]] = {
    "score-first": ("score", "evidence", "explanation"),
    "evidence-first": ("evidence", "score", "explanation"),
}
"""What a labeller says of each trait, in the order in which it is asked to."""

LONGEST_EXPLANATION: Final = 20  # words


class TraitFeedback(NamedTuple):
    """A score and the reason for it. Unchecked, being made a million times: the parser and the database see to it."""

    score: int
    """An integer, 1 (poor) to 10 (excellent)."""
    explanation: str
    """A sentence or two; never empty. Labellers are asked for `LONGEST_EXPLANATION` words at most."""


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


def render_answer(feedback: Feedback, evidence: Sequence[str], order: AnswerOrder) -> str:
    """Return feedback and its evidence, a piece for each trait, as a labeller answers."""
    said = {
        key: {"score": trait.score, "evidence": quote, "explanation": trait.explanation}
        for key, trait, quote in zip(TRAIT_KEYS, feedback.traits, evidence, strict=True)
    }
    ordered = {key: {member: trait[member] for member in MEMBERS[order]} for key, trait in said.items()}
    return json.dumps(ordered, ensure_ascii=False)


def answer_schema(order: AnswerOrder) -> dict[str, Any]:
    """JSON schema of an answer in the dialect of strict structured output: scores are an `enum`, nothing is optional."""
    score, text = {"type": "integer", "enum": list(SCORES)}, {"type": "string"}
    trait = {
        "type": "object",
        "properties": {member: score if member == "score" else text for member in MEMBERS[order]},
        "required": list(MEMBERS[order]),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(TRAIT_KEYS, trait),
        "required": list(TRAIT_KEYS),
        "additionalProperties": False,
    }
