"""Validation of a JSON value as feedback: six traits, integer scores 1..10, explanations that say something; or as a
labeller's answer, which has a quoted piece of evidence for each trait besides.

Works on Python objects that keep `7` and `7.0` apart.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.parsing.failures import FailureCode
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

_TRAITS = frozenset(TRAIT_KEYS)
_MEMBERS = frozenset({"score", "explanation"})


@dataclass(frozen=True, slots=True)
class Violation:
    """The first rule that a value breaks."""

    code: FailureCode
    pointer: str
    """The value concerned, or the object that lacks it (RFC 6901)."""


class Answer(NamedTuple):
    """A labeller's answer."""

    feedback: Feedback
    evidence: tuple[str, ...]
    """Quoted for each trait, in the order of the traits; empty where nothing was."""


def validate(value: Any) -> Feedback | Violation:
    """Read `value` as feedback, or say which rule it breaks first."""
    if not isinstance(value, dict):
        return Violation(FailureCode.NOT_OBJECT, "")
    traits: list[TraitFeedback] = []
    for key in TRAIT_KEYS:
        trait = value.get(key)
        # All that a sound trait needs, in one place: a call for each would take half of the time that judging takes.
        if isinstance(trait, dict) and len(trait) == len(_MEMBERS):
            score, explanation = trait.get("score"), trait.get("explanation")
            if (
                type(score) is int
                and MIN_SCORE <= score <= MAX_SCORE
                and type(explanation) is str
                and explanation.strip()
            ):
                traits.append(TraitFeedback(score, explanation))
                continue
        return _first_broken_rule(value, key)
    return Feedback(tuple(traits)) if len(value) == len(TRAIT_KEYS) else _first_broken_rule(value, "")


def validate_answer(value: Any) -> Answer | Violation:
    """Read `value` as a labeller's answer, or say which rule it breaks first."""
    read = validate(_without_evidence(value))
    if isinstance(read, Violation):
        return read
    for key in TRAIT_KEYS:
        if "evidence" not in value[key]:
            return Violation(FailureCode.EVIDENCE_MISSING, f"/{key}")
        if type(value[key]["evidence"]) is not str:
            return Violation(FailureCode.EVIDENCE_NOT_TEXT, f"/{key}/evidence")
    return Answer(read, tuple(value[key]["evidence"] for key in TRAIT_KEYS))


def _without_evidence(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: {name: member for name, member in trait.items() if name != "evidence"}
        if isinstance(trait, dict)
        else trait
        for key, trait in value.items()
    }


def _wrong_keys(value: dict[str, Any], expected: frozenset[str], missing: FailureCode, pointer: str) -> Violation:
    if expected - value.keys():
        return Violation(missing, pointer)
    extra = next(key for key in value if key not in expected)
    return Violation(FailureCode.EXTRA_KEY, f"{pointer}/{extra.replace('~', '~0').replace('/', '~1')}")


def _first_broken_rule(value: dict[str, Any], key: str) -> Violation:
    """Return the first rule that `value` breaks: of its keys, or else of `key`, which is the first trait that is not sound."""
    if value.keys() != _TRAITS:
        return _wrong_keys(value, _TRAITS, FailureCode.MISSING_TRAIT, "")
    trait = value[key]
    if not isinstance(trait, dict):
        return Violation(FailureCode.TRAIT_NOT_OBJECT, f"/{key}")
    if trait.keys() != _MEMBERS:
        missing = FailureCode.EXPLANATION_MISSING if "score" in trait else FailureCode.SCORE_MISSING
        return _wrong_keys(trait, _MEMBERS, missing, f"/{key}")
    score, explanation = trait["score"], trait["explanation"]
    if type(score) is not int or not MIN_SCORE <= score <= MAX_SCORE:
        return Violation(_score_failure(score), f"/{key}/score")
    return Violation(_explanation_failure(explanation), f"/{key}/explanation")


def _score_failure(score: Any) -> FailureCode:
    if type(score) is int:
        return FailureCode.SCORE_OUT_OF_RANGE
    return FailureCode.SCORE_NOT_INTEGER if type(score) is float else FailureCode.SCORE_NOT_NUMBER


def _explanation_failure(explanation: Any) -> FailureCode:
    return FailureCode.EXPLANATION_EMPTY if type(explanation) is str else FailureCode.EXPLANATION_NOT_TEXT
