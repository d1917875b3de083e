"""The judge of raw outputs: which of three nested tiers one reaches, and why it is not strictly valid.

Strict means that the whole output, to its end token, is one JSON object that conforms; extractable, that exactly one
such object is left when fences or prose around it are removed; repairable, that a repair library makes one of it.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import orjson

from feedback_model.feedback import Feedback
from feedback_model.parsing.failures import FailureCode, GrammarError, Malformed
from feedback_model.parsing.json_scanner import Scanned, scan, skip_space
from feedback_model.parsing.validation import Answer, Violation, validate, validate_answer
from feedback_model.records.evaluation import FinishReason, Tier

Read = TypeVar("Read")

VALIDATOR = "strict-2"
"""Names these rules; stored with every judgement, raised when an output could be judged otherwise than before."""

_AROUND_JSON = {
    FailureCode.FENCED,
    FailureCode.PROSE_BEFORE,
    FailureCode.PROSE_AFTER,
    FailureCode.NO_END_TOKEN,
}  # what is wrong around an object, not in it: taking it out edits nothing

_QUOTES = 48  # 18 keys and 6 explanations; a key more would need two more

_ANSWER_QUOTES = 72  # of a labeller's answer: 6 keys and 6 pieces of evidence besides

_CANDIDATE = re.compile(rb'\{[ \t\n\r]*+"|\[')  # arrays too: what is inside one is no object among prose

_MAX_CANDIDATES = 64  # places where an object may begin; hostile output has millions

_MAX_SEARCHED = 262_144  # bytes read from such places in vain; each of them may run to the end of the output

_MAX_REPAIR = (
    8_192  # bytes; feedback has some 2,000, and repairing takes time quadratic in the length: a minute for 65,536
)

_MAX_REPAIR_QUOTES = 1_000  # of either kind; the repair library looks behind each for what it may have meant

_MAX_REPAIR_BRACKETS = 200  # opening brackets; the repair library recurses into each


class Judgement(NamedTuple):
    """The tier of one output, its feedback, and its first failure."""

    tier: Tier
    """The best tier it reaches."""
    feedback: Feedback | None
    """What it says, at that tier; None only for `none`."""
    failure: Malformed | None
    """Why it is not strict; None only for `strict`."""


def judge(raw: bytes, finish_reason: FinishReason = "stop") -> Judgement:
    """Judge an output, whatever its bytes. Never raises."""
    if finish_reason == "stop":
        feedback = _read_quickly(raw, _QUOTES, validate)
        if feedback is not None:
            return Judgement("strict", feedback, None)
    read = _read_strictly(raw, finish_reason, validate)
    if isinstance(read, Feedback):
        return Judgement("strict", read, None)
    if read.code is FailureCode.NOT_UTF8:
        return Judgement("none", None, read)
    feedback = _extract(raw) if read.code in _AROUND_JSON else None
    if feedback is not None:
        return Judgement("extractable", feedback, read)
    feedback = _repair(raw)
    return Judgement("none" if feedback is None else "repairable", feedback, read)


def read_answer(raw: bytes) -> Answer | Malformed:
    """Read a labeller's answer, as strictly as an output; or say why it is of no use. Never raises."""
    answer = _read_quickly(raw, _ANSWER_QUOTES, validate_answer)
    return _read_strictly(raw, "stop", validate_answer) if answer is None else answer


def _read_quickly(raw: bytes, quotes: int, validate: Callable[[Any], Read | Violation]) -> Read | None:
    """Read where a fast parser can prove the output strict, else None.

    That parser keeps the last of two equal keys without a word, but then there are more quotes than the six traits need.
    """
    if raw.count(b'"') != quotes:
        return None
    try:
        read = validate(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return None
    return None if isinstance(read, Violation) else read


def _read_strictly(
    raw: bytes, finish_reason: FinishReason, validate: Callable[[Any], Read | Violation]
) -> Read | Malformed:
    """Read an output that is, as a whole, one JSON object that `validate` takes; else name its first failure."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Malformed(FailureCode.NOT_UTF8, error.start, "")
    start = skip_space(raw, 0)
    if start == len(raw):
        return Malformed(FailureCode.EMPTY, 0, "")
    try:
        scanned = scan(raw, start)
    except GrammarError as error:
        return _not_json(raw, start, error.malformed, finish_reason)
    return _whole_output(raw, start, scanned) or _conforming(scanned, len(raw), finish_reason, validate)


def _not_json(raw: bytes, start: int, failure: Malformed, finish_reason: FinishReason) -> Malformed:
    if raw[start : start + 1] not in (b"{", b"["):
        return _no_json_first(raw, start)
    if failure.code is FailureCode.UNTERMINATED and finish_reason == "length":
        return Malformed(FailureCode.TRUNCATED, failure.offset, failure.pointer)
    return failure


def _no_json_first(raw: bytes, start: int) -> Malformed:
    if raw.startswith(b"```", start):
        return Malformed(FailureCode.FENCED, start, "")
    return Malformed(FailureCode.PROSE_BEFORE if b"{" in raw else FailureCode.NO_JSON, start, "")


def _whole_output(raw: bytes, start: int, scanned: Scanned) -> Malformed | None:
    """Name what follows the first value, where anything does."""
    rest = skip_space(raw, scanned.end)
    if rest == len(raw):
        return None
    if raw[start : start + 1] not in (b"{", b"["):
        return _no_json_first(raw, start)
    another = raw[rest : rest + 1] in (b"{", b"[")
    return Malformed(FailureCode.SEVERAL_VALUES if another else FailureCode.PROSE_AFTER, rest, "")


def _conforming(
    scanned: Scanned, length: int, finish_reason: FinishReason, validate: Callable[[Any], Read | Violation]
) -> Read | Malformed:
    if scanned.duplicate is not None:
        return scanned.duplicate
    read = validate(scanned.value)
    if isinstance(read, Violation):
        return Malformed(read.code, scanned.offsets[read.pointer], read.pointer)
    return read if finish_reason == "stop" else Malformed(FailureCode.NO_END_TOKEN, length, "")


def _extract(raw: bytes) -> Feedback | None:
    """Return the one conforming object in `raw`; None where there is none, more than one, or too much to search for them."""
    found: list[Feedback] = []
    at, searched = 0, 0
    for _ in range(_MAX_CANDIDATES):
        candidate = _CANDIDATE.search(raw, at)
        if candidate is None:
            return found[0] if len(found) == 1 else None
        try:
            scanned = scan(raw, candidate.start())
        except GrammarError as error:
            searched += error.malformed.offset - candidate.start()
            if searched > _MAX_SEARCHED:
                return None
            at = candidate.start() + 1
            continue
        at = scanned.end
        read = None if scanned.duplicate else validate(scanned.value)
        if isinstance(read, Feedback):
            found.append(read)
    return None


def _repair(raw: bytes) -> Feedback | None:
    if len(raw) > _MAX_REPAIR or _count(raw, b"{[") > _MAX_REPAIR_BRACKETS or _count(raw, b"\"'") > _MAX_REPAIR_QUOTES:
        return None
    from json_repair import repair_json

    try:
        repaired = repair_json(raw.decode("utf-8"), skip_json_loads=True, ensure_ascii=False)
        read = validate(orjson.loads(repaired.encode("utf-8", "replace")))
    except (RecursionError, ValueError, IndexError, TypeError, KeyError):
        return None  # a library that guesses may fail on what it never saw; then nothing was repaired
    return read if isinstance(read, Feedback) else None


def _count(raw: bytes, characters: bytes) -> int:
    return sum(raw.count(character) for character in characters)
