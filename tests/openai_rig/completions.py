"""Chat completions: what is said, spoiled if it is to be, with usage and log probabilities."""

import hashlib
import math
import random
import re
import time
from typing import Any

import orjson

from feedback_model.demo.answers import answer, count_tokens, read_request
from feedback_model.feedback import DEFAULT_ORDER, Feedback, TraitFeedback, render_answer
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

CANNED = render_answer(
    Feedback(tuple(TraitFeedback(6, "It is neither here nor there.") for _ in TRAIT_KEYS)),
    ("",) * len(TRAIT_KEYS),
    DEFAULT_ORDER,
)
_PIECES = re.compile(r'"score": |\d+|[A-Za-z_]+|\s+|.', re.DOTALL)


def complete(
    body: bytes, asked: dict[str, Any], *, canned: bool, spoiled: str | None, cached_share: float
) -> dict[str, Any]:
    """A chat completion object for the request `asked`, whose bytes are `body`.

    Raises:
        ValueError, KeyError, TypeError: it is no chat request.
    """
    request = read_request(body, asked["messages"])
    text = CANNED if canned else answer(request)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if spoiled == "refusal":
        message = {"role": "assistant", "content": None, "refusal": "I'm sorry, I can't help with that."}
    elif spoiled == "nonsense":
        message["content"] = "certainly {score: seven out of ten, more or less"
    elif spoiled == "truncated":
        message["content"] = text[: len(text) // 2]
    prompt, said = count_tokens(request.system + request.user), count_tokens(message["content"] or message["refusal"])
    return {
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked["model"],
        "system_fingerprint": "fp_rig",
        "choices": [_choice(asked, message, request.seed, "length" if spoiled == "truncated" else "stop")],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": said,
            "total_tokens": prompt + said,
            "prompt_tokens_details": {"cached_tokens": int(prompt * cached_share) if prompt >= 1024 else 0},
        },
    }


def _choice(asked: dict[str, Any], message: dict[str, Any], seed: int, finish: str) -> dict[str, Any]:
    logprobs = None
    if asked.get("logprobs") and message["content"]:
        logprobs = {
            "content": token_logprobs(message["content"], int(asked.get("top_logprobs") or 0), seed),
            "refusal": None,
        }
    return {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}


def token_logprobs(text: str, top: int, seed: int) -> list[dict[str, Any]]:
    """Tokens as OpenAI lists them; a score is one token, and so uncertain that its neighbours are among the likeliest."""
    rng, found, after_score = random.Random(seed), [], False
    for piece in _PIECES.findall(text):
        likely = _scores_around(int(piece), rng) if after_score and piece.isdigit() else {piece: -1e-6}
        entry = _token(piece, likely.get(piece, -1e-6))
        entry["top_logprobs"] = [_token(token, value) for token, value in list(likely.items())[:top]]
        found.append(entry)
        after_score = piece == '"score": '
    return found


def _scores_around(score: int, rng: random.Random) -> dict[str, float]:
    width = rng.uniform(0.3, 1.2)
    weights = {each: math.exp(-((each - score) ** 2) / (2 * width**2)) for each in range(MIN_SCORE, MAX_SCORE + 1)}
    total = sum(weights.values())
    ordered = sorted(weights.items(), key=lambda each: -each[1])
    return {str(each): math.log(max(weight / total, 1e-12)) for each, weight in ordered}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def tell_usage(usage: dict[str, Any], mode: str) -> dict[str, Any] | None:
    """The `usage` that a reply tells where it is to be wrong; as it is where `mode` names no error."""
    prompt = usage["prompt_tokens"]
    wrong: dict[str, dict[str, Any]] = {
        "negative": {"prompt_tokens": -prompt},
        "cached-above-prompt": {"prompt_tokens_details": {"cached_tokens": prompt + 1}},
        "huge": {"prompt_tokens": 10**19, "completion_tokens": 10**19},
        "zero": {"prompt_tokens": 0, "completion_tokens": 0},
    }
    return None if mode == "missing" else usage | wrong.get(mode, {})


def name_question(asked: dict[str, Any]) -> str:
    """SHA-256 of the system message, a newline, the user message."""
    said = {message["role"]: message["content"] for message in reversed(asked["messages"])}
    text = f"{said.get('system', '')}\n{said.get('user', '')}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def charged_tokens(body: bytes, asked: dict[str, Any]) -> float:
    """What a request is charged against the limit before it is answered: characters of input, and the output asked for."""
    return len(body) / 4 + float(asked.get("max_completion_tokens") or asked.get("max_tokens") or 0)


def read_json(body: bytes) -> dict[str, Any]:
    """The request's object.

    Raises:
        ValueError: it is none.
    """
    asked = orjson.loads(body)
    if not isinstance(asked, dict):
        raise ValueError("the body is no object")
    return asked
