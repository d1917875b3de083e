"""The three rules by which the reference project reads outputs, so that its published figures can be set beside ours.

They are those of `scripts/evaluate_jsonl_format.py` in J-Ding00/LLM-fine-tune at 7fe2383, told anew: repair what does not
parse, take `int()` of whatever the score is, and leave out whatever raises. Nothing else here judges by them: an output that
was repaired is not one that an application can read, and `7.9`, `"7"` and `true` are not scores.
"""

import json
import re
from typing import Any

from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

LEGACY_VALIDATOR = "reference-7fe2383"
_FENCE = re.compile(r"```json\s*(?=\{)")
_FENCE_END = re.compile(r"\}\s*```")
_COMMA_BEFORE_CLOSING = re.compile(r",\s*([}\]])")


def judge_as_reference(raw: bytes) -> tuple[int, ...] | None:
    """The six scores that the reference project would read from an output, or None where it leaves it out. Never raises.

    Keys are ours (`filler_words`, `explanation`) where the reference has `filler words` and `feedback`. It looks at no end
    token, allows further keys, and keeps the last of two equal ones. For its MSE it repairs what parses as well, which
    changes texts but no scores, unless an explanation holds a brace; we do not.
    """
    text = raw.decode("utf-8", "replace")  # as a tokenizer's decode does
    try:
        return _scores(_parse(text))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return json.loads(repair_as_reference(text))


def repair_as_reference(text: str) -> str:
    """The part of `text` from a brace to a brace, commas before closing brackets dropped, one brace added where some lack."""
    block = _COMMA_BEFORE_CLOSING.sub(r"\1", _cut_out(text).strip())
    return block + "}" if block.count("{") > block.count("}") else block


def _cut_out(text: str) -> str:
    fence = _FENCE.search(text)
    fence_end = _FENCE_END.search(text, fence.end()) if fence else None
    if fence and fence_end:
        return text[fence.end() : fence_end.start() + 1]
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _scores(value: Any) -> tuple[int, ...] | None:
    traits = [value[key] for key in TRAIT_KEYS]
    scores = tuple(int(trait["score"]) for trait in traits)
    said = all(isinstance(trait, dict) and isinstance(trait["explanation"], str) for trait in traits)
    return scores if said and all(MIN_SCORE <= score <= MAX_SCORE for score in scores) else None
