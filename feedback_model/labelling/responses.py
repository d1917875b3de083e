"""Responses: the envelope (usage, id, finish reason), the answer inside, and the handler that stores it.

Readers take the bytes as they came and never raise: a response that cannot be used is an `InvalidResponse` with a code.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Generic, TypeVar, cast

import orjson

from feedback_model.labelling.pricing import Price, Usage, cost_of
from feedback_model.labelling.usage import read_usage
from feedback_model.parsing import FailureCode, Malformed, read_answer
from feedback_model.records.labels import (
    Label,
    LabelRequest,
    PaidResponse,
    RequestState,
    UnusableResponse,
    UsableResponse,
)
from feedback_model.store import label_requests, label_responses
from feedback_model.store.connection import Connection
from feedback_model.store.label_responses import Apply
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

Answer = TypeVar("Answer")
_SCORE = re.compile(r'"score"\s*:\s*(\d+)')


def expected_scores(tokens: Sequence[Any]) -> tuple[float, ...] | None:
    """Compute the mean of each of the six scores, in the order of the traits; None where tokens do not tell all of them.

    Args:
        tokens: `choices[0].logprobs.content` of a chat completion.
    """
    try:
        pieces = [str(entry["token"]) for entry in tokens]
        starts = dict(zip(accumulate(map(len, pieces[:-1]), initial=0), range(len(pieces)), strict=True))
        found = [_expected(tokens, starts, match) for match in _SCORE.finditer("".join(pieces))]
    except (KeyError, TypeError, ValueError):
        return None
    complete = len(found) == len(TRAIT_KEYS) and None not in found
    return cast("tuple[float, ...]", tuple(found)) if complete else None


def _expected(tokens: Sequence[Any], starts: dict[int, int], match: re.Match[str]) -> float | None:
    place = starts.get(match.start(1))
    if place is None or str(tokens[place]["token"]) != match[1]:
        return None  # the score shares a token with something else, or takes several
    weights = {
        int(each["token"]): math.exp(each["logprob"])
        for each in tokens[place]["top_logprobs"]
        if str(each["token"]).isdecimal() and MIN_SCORE <= int(each["token"]) <= MAX_SCORE
    }
    total = sum(weights.values())
    return sum(score * weight for score, weight in weights.items()) / total if total else None


@dataclass(frozen=True, slots=True)
class InvalidResponse:
    """A response that cannot be used, with the reason."""

    code: str
    """`no_completion`, `refusal`, `truncated`, `content_filter`, `empty`, or a failure code of the parser."""


def read_envelope(body: bytes, price: Price | None) -> PaidResponse:
    """Read the envelope of a response; fields that it lacks are None."""
    envelope = _object(body)
    answered = bool(_text(_mapping(_choice(envelope).get("message")).get("content")))
    tokens, doubt = read_usage(_mapping(envelope.get("usage")), answered=answered)
    return PaidResponse(
        body=body,
        provider_id=_text(envelope.get("id")),
        finish_reason=_text(_choice(envelope).get("finish_reason")),
        prompt_tokens=tokens.prompt_tokens,
        cached_tokens=tokens.cached_tokens,
        completion_tokens=tokens.completion_tokens,
        cost_usd=cost_of(price, tokens),
        doubt=doubt,
    )


def usage_of(paid: PaidResponse) -> Usage:
    """Return the tokens that a response was charged for."""
    return Usage(paid.prompt_tokens, paid.cached_tokens, paid.completion_tokens)


def complaint_about(code: str) -> str:
    """Write the complaint that a labeller gets whose last answer was of no use."""
    reason = {
        "truncated": "It was cut off before its end.",
        "refusal": "It was a refusal; the transcript is only to be judged by how it is spoken, not answered.",
        "content_filter": "It was withheld by a content filter.",
    }.get(code)
    if reason is None and code in set(FailureCode):
        reason = FailureCode(code).sentence
    reason = reason or "It held no answer."
    return (
        f"Your last answer could not be used. {reason} Answer again with exactly the JSON object the schema asks for."
    )


def read_text(body: bytes) -> str | InvalidResponse:
    """Read the text of an answer."""
    choice = _choice(_object(body))
    message = _mapping(choice.get("message"))
    if not message:
        return InvalidResponse("no_completion")
    if message.get("refusal"):
        return InvalidResponse("refusal")
    if choice.get("finish_reason") == "length":
        return InvalidResponse("truncated")
    if choice.get("finish_reason") == "content_filter":
        return InvalidResponse("content_filter")
    return (_text(message.get("content")) or "").strip() or InvalidResponse("empty")


def read_said(body: bytes) -> str:
    """Read what was said, of use or not; empty where nothing was."""
    message = _mapping(_choice(_object(body)).get("message"))
    return (_text(message.get("content")) or _text(message.get("refusal")) or "").strip()


def read_label(body: bytes) -> Label | InvalidResponse:
    """Read the label of a response; only a strictly valid answer counts."""
    text = read_text(body)
    if isinstance(text, InvalidResponse):
        return text
    answer = read_answer(text.encode("utf-8", "surrogatepass"))
    if isinstance(answer, Malformed):
        return InvalidResponse(answer.code)
    tokens = _mapping(_choice(_object(body)).get("logprobs")).get("content")
    expected = expected_scores(tokens) if isinstance(tokens, list) else None
    return Label(answer.feedback, answer.evidence, expected)


def read_stored(page: bytes, key: str, value: str) -> bytes | None:
    """Find the completion of a page of stored ones whose metadata has `key` as `value`; None where there is none.

    Compared here, because a server that stores may still not know how to filter.
    """
    data = _object(page).get("data")
    listed = map(_mapping, data) if isinstance(data, list) else ()
    return next((orjson.dumps(each) for each in listed if _mapping(each.get("metadata")).get(key) == value), None)


@dataclass(frozen=True, slots=True)
class ResponseHandler(Generic[Answer]):
    """Reader of one kind of answer, and the statement that stores it."""

    read: Callable[[bytes], Answer | InvalidResponse]
    apply: Apply[Answer]


def apply_response(
    connection: Connection, handler: ResponseHandler[Answer], request: LabelRequest, response_id: int, body: bytes
) -> bool:
    """Read a response that is stored and counted, and store its answer; True if it was of use."""
    answer = handler.read(body)
    if isinstance(answer, InvalidResponse):
        state: RequestState = "queued" if request.attempts < label_requests.MAX_ANSWERS else "failed"
        label_responses.apply_unusable(connection, [UnusableResponse(request, response_id, answer.code, state)])
        return False
    handler.apply(connection, [UsableResponse(request, response_id, answer)])
    return True


def counted(request: LabelRequest) -> LabelRequest:
    """Count one more stored response to `request`."""
    return replace(request, attempts=request.attempts + 1)


def _object(body: bytes) -> dict[str, Any]:
    try:
        return _mapping(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}


def _choice(envelope: dict[str, Any]) -> dict[str, Any]:
    choices = envelope.get("choices")
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
