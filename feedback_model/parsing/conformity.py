"""Whether a JSON value is feedback: six traits, integer scores 1..10, explanations that say something.

Works on Python objects that keep `7` and `7.0` apart; knows nothing of bytes.
"""

from dataclasses import dataclass
from typing import Any

from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.parsing.failures import FailureCode
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

_TRAITS = frozenset(TRAIT_KEYS)
_MEMBERS = frozenset({"score", "explanation"})


@dataclass(frozen=True, slots=True)
class Nonconformity:
    """The first rule that a value breaks."""

    code: FailureCode
    pointer: str
    """The value concerned, or the object that lacks it (RFC 6901)."""


def conform(value: Any) -> Feedback | Nonconformity:
    """Read `value` as feedback, or say which rule it breaks first."""
    if not isinstance(value, dict):
        return Nonconformity(FailureCode.NOT_OBJECT, "")
    if value.keys() != _TRAITS:
        return _wrong_keys(value, _TRAITS, FailureCode.MISSING_TRAIT, "")
    traits: list[TraitFeedback] = []
    for key in TRAIT_KEYS:
        trait = _conform_trait(value[key], key)
        if isinstance(trait, Nonconformity):
            return trait
        traits.append(trait)
    return Feedback(tuple(traits))


def _wrong_keys(value: dict[str, Any], expected: frozenset[str], missing: FailureCode, pointer: str) -> Nonconformity:
    if expected - value.keys():
        return Nonconformity(missing, pointer)
    extra = next(key for key in value if key not in expected)
    return Nonconformity(FailureCode.EXTRA_KEY, f"{pointer}/{extra.replace('~', '~0').replace('/', '~1')}")


def _conform_trait(value: Any, key: str) -> TraitFeedback | Nonconformity:
    if not isinstance(value, dict):
        return Nonconformity(FailureCode.TRAIT_NOT_OBJECT, f"/{key}")
    if value.keys() != _MEMBERS:
        missing = FailureCode.EXPLANATION_MISSING if "score" in value else FailureCode.SCORE_MISSING
        return _wrong_keys(value, _MEMBERS, missing, f"/{key}")
    score, explanation = value["score"], value["explanation"]
    if type(score) is not int or not MIN_SCORE <= score <= MAX_SCORE:
        return Nonconformity(_score_failure(score), f"/{key}/score")
    if type(explanation) is not str or not explanation.strip():
        return Nonconformity(_explanation_failure(explanation), f"/{key}/explanation")
    return TraitFeedback(score, explanation)


def _score_failure(score: Any) -> FailureCode:
    if type(score) is int:
        return FailureCode.SCORE_OUT_OF_RANGE
    return FailureCode.SCORE_NOT_INTEGER if type(score) is float else FailureCode.SCORE_NOT_NUMBER


def _explanation_failure(explanation: Any) -> FailureCode:
    return FailureCode.EXPLANATION_EMPTY if type(explanation) is str else FailureCode.EXPLANATION_NOT_TEXT
