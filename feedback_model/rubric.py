"""The rubric: what each score of a trait means, from one file in three renderings.

The labeller reads levels with their cues; the student the same meanings in a line a trait; and the labeller that is asked
again, to measure its noise, the levels in other words and from the top down.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from feedback_model.feedback import MEMBERS, AnswerOrder, Feedback, TraitFeedback, render_answer
from feedback_model.traits import TRAIT_KEYS

LEVELS: Final = (1, 3, 5, 7, 10)
"""Scores that are described; the others lie between two of them."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a trait is and what its scores mean, in one choice of words."""

    judges: str
    """What is judged."""
    unsaid: str
    """Where the text gives nothing to judge by, and the score it then earns."""
    levels: Mapping[int, str]
    """Cues by score, for each of `LEVELS`."""

    def lines(self, key: str, levels: tuple[int, ...]) -> str:
        """Render the trait as a chapter, its levels in the order given."""
        cues = (f"{level}: {self.levels[level]}." for level in levels)
        return "\n".join([f"## {key}", f"Judges {self.judges}.", *cues, f"{self.unsaid}."])


@dataclass(frozen=True, slots=True)
class TraitRubric:
    """The rubric of one trait, for each of its readers."""

    labeller: Wording
    again: Wording
    """The same meanings in other words."""
    student: str


@dataclass(frozen=True, slots=True)
class ScoredExample:
    """An invented transcript, scored by the rubric."""

    text: str
    feedback: Feedback
    evidence: tuple[str, ...]
    """Words of `text`, in the order of the traits; empty where nothing speaks for the score."""


@cache
def _contents() -> dict[str, Any]:
    return tomllib.loads(files("feedback_model").joinpath("prompt_texts", "rubric.toml").read_text(encoding="utf-8"))


@cache
def read_rubric() -> dict[str, TraitRubric]:
    """Read the rubric of each trait, by its key, in the order of the traits."""
    entries = {entry["key"]: entry for entry in _contents()["traits"]}
    return {
        key: TraitRubric(_wording(entries[key]), _wording(entries[key]["again"]), entries[key]["student"])
        for key in TRAIT_KEYS
    }


def _wording(entry: Mapping[str, Any]) -> Wording:
    return Wording(entry["judges"], entry["unsaid"], {level: entry["levels"][str(level)] for level in LEVELS})


@cache
def read_examples() -> tuple[ScoredExample, ...]:
    """Read the scored examples."""
    return tuple(map(_example, _contents()["examples"]))


def _example(entry: Mapping[str, Any]) -> ScoredExample:
    traits = [entry[key] for key in TRAIT_KEYS]
    feedback = Feedback(tuple(TraitFeedback(each["score"], each["explanation"]) for each in traits))
    return ScoredExample(entry["text"], feedback, tuple(each["evidence"] for each in traits))


def labeller_rubric() -> str:
    """Render the levels and cues of every trait."""
    return "\n\n".join(each.labeller.lines(key, LEVELS) for key, each in read_rubric().items())


def reworded_rubric() -> str:
    """Render the same levels in other words, the highest first."""
    return "\n\n".join(each.again.lines(key, LEVELS[::-1]) for key, each in read_rubric().items())


def student_rubric() -> str:
    """Render every trait in one line."""
    return "\n".join(f"- {key}: {each.student}." for key, each in read_rubric().items())


def answer_members(order: AnswerOrder) -> str:
    """Render what is to be said of each trait, one line a member, in `order`."""
    meanings = _contents()["answer"]
    return "\n".join(f"- {meanings[member]}." for member in MEMBERS[order])


def render_examples(order: AnswerOrder) -> str:
    """Render every example as a transcript and its answer; the tag is none that the transcript in question has."""
    return "\n\n".join(
        f"<example_transcript>\n{each.text}\n</example_transcript>\n{render_answer(each.feedback, each.evidence, order)}"
        for each in read_examples()
    )
