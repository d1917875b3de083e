"""Reading what was paid for: the envelope (usage, id, how it ended), then the answer inside.

Takes the bytes as they came, whatever they are, and never raises: a reply that cannot be used has a problem with
a code.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from feedback_model.feedback import Feedback
from feedback_model.labelling.expected_scores import expected_scores
from feedback_model.labelling.prices import Usage, cost_of
from feedback_model.parsing import FailureCode, judge
from feedback_model.store.replies import Label, PaidReply


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a reply cannot be used."""

    code: str
    """`no_completion`, `refusal`, `truncated`, `content_filter`, `empty`, or a failure code of the parser."""


def read_envelope(body: bytes, model: str) -> PaidReply:
    """The reply with what its envelope says; fields that it lacks are None."""
    envelope = _object(body)
    usage = _mapping(envelope.get("usage"))
    tokens = Usage(
        _count(usage.get("prompt_tokens")),
        _count(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        _count(usage.get("completion_tokens")),
    )
    return PaidReply(
        body=body,
        provider_id=_text(envelope.get("id")),
        finish_reason=_text(_choice(envelope).get("finish_reason")),
        prompt_tokens=tokens.prompt_tokens,
        cached_tokens=tokens.cached_tokens,
        completion_tokens=tokens.completion_tokens,
        cost_usd=cost_of(model, tokens),
    )


def usage_of(paid: PaidReply) -> Usage:
    """The tokens that a reply was charged for."""
    return Usage(paid.prompt_tokens, paid.cached_tokens, paid.completion_tokens)


def complain(code: str) -> str:
    """What to tell a labeller whose last answer was of no use."""
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


def read_text(body: bytes) -> str | Problem:
    """The text that a reply gives as its answer."""
    choice = _choice(_object(body))
    message = _mapping(choice.get("message"))
    if not message:
        return Problem("no_completion")
    if message.get("refusal"):
        return Problem("refusal")
    if choice.get("finish_reason") == "length":
        return Problem("truncated")
    if choice.get("finish_reason") == "content_filter":
        return Problem("content_filter")
    return (_text(message.get("content")) or "").strip() or Problem("empty")


def read_label(body: bytes) -> Label | Problem:
    """The label that a reply gives; only strictly valid feedback counts."""
    feedback = read_feedback(body)
    if isinstance(feedback, Problem):
        return feedback
    tokens = _mapping(_choice(_object(body)).get("logprobs")).get("content")
    return Label(feedback, expected_scores(tokens) if isinstance(tokens, list) else None)


def read_feedback(body: bytes) -> Feedback | Problem:
    """The feedback that a reply gives; only a strictly valid one counts."""
    text = read_text(body)
    if isinstance(text, Problem):
        return text
    judgement = judge(text.encode("utf-8", "surrogatepass"))
    if judgement.tier == "strict" and judgement.feedback is not None:
        return judgement.feedback
    return Problem(judgement.failure.code if judgement.failure else "unusable")


def read_stored(page: bytes, key: str, value: str) -> bytes | None:
    """The completion of a page of stored ones whose metadata has `key` as `value`, as bytes; None where there is none.

    Looked at here, because a server that stores may still not know how to filter.
    """
    data = _object(page).get("data")
    listed = map(_mapping, data) if isinstance(data, list) else ()
    return next((orjson.dumps(each) for each in listed if _mapping(each.get("metadata")).get(key) == value), None)


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


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
