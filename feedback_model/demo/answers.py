"""Answers of the embedded endpoint: one chat request read, the text of its response composed.

Requests are told apart by their system prompt, rendered by `feedback_model.prompts`: a rewrite request names a trait
and a target, and anything else asks for labels.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from feedback_model.demo.labeller.explanations import explain
from feedback_model.demo.rewriter import rewrite
from feedback_model.feedback import DEFAULT_ORDER, MEMBERS, AnswerOrder, render_answer
from feedback_model.prompts import render_system, take_out
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

MODEL = "embedded-rubric-3"
CHARACTERS_PER_TOKEN = 4
"""Rule of thumb behind the token counts of `usage`."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The parts of a chat completion request that decide the answer."""

    system: str
    user: str
    seed: int
    """From a hash of the whole request body: other requests get other rewrites."""


def read_request(body: bytes, messages: list[dict[str, Any]]) -> ChatRequest:
    """Return the first system and user messages of `messages`, out of the request `body`; what follows is talk about the answer.

    Raises:
        ValueError: a message's content is not text.
    """
    said = {message["role"]: message["content"] for message in reversed(messages)}
    if not all(isinstance(content, str) for content in said.values()):
        raise ValueError("a message's content is not text")
    seed = int.from_bytes(hashlib.sha256(body).digest()[:8], "big")
    return ChatRequest(said.get("system", "") or said.get("developer", ""), said.get("user", ""), seed)


def answer(request: ChatRequest) -> str:
    """Return the reply's text: scores with evidence as JSON, or the transcript rewritten."""
    text = take_out(request.user)
    target = _rewrite_target(request.system)
    if target is not None:
        return rewrite(text, *target, seed=request.seed)
    explained = explain(text)
    return render_answer(explained.feedback, explained.evidence, _order_asked_for(request.system))


def count_tokens(text: str) -> int:
    """About how many tokens a paid model would count."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


@cache
def _order_asked_for(system: str) -> AnswerOrder:
    for order in MEMBERS:
        if system.strip() in (render_system("label", order), render_system("label-again", order)):
            return order
    return DEFAULT_ORDER


@cache
def _rewrite_pattern() -> re.Pattern[str]:
    rendered = re.escape(render_system("rewrite", trait="TRAIT", target="TARGET"))
    return re.compile(rendered.replace("TRAIT", r"(\w+)", 1).replace("TARGET", r"(\d+)", 1))


@cache
def _rewrite_target(system: str) -> tuple[str, int] | None:
    found = _rewrite_pattern().fullmatch(system.strip())
    if found is None or found[1] not in TRAIT_KEYS or not MIN_SCORE <= int(found[2]) <= MAX_SCORE:
        return None
    return found[1], int(found[2])
