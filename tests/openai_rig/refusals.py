"""Refusals: the shape of an error, and the requests that are refused for what they ask, whenever they are asked."""

from itertools import pairwise
from typing import Any

import orjson
from aiohttp import web

from tests.openai_rig.options import Options

MODELS = ("embedded-rubric-3", "gpt-4o-mini", "gpt-6-luna")


def json_reply(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, headers=headers, content_type="application/json")


def error_reply(
    status: int,
    message: str,
    kind: str | None,
    code: str | int | None,
    headers: dict[str, str] | None = None,
    param: str | None = None,
) -> web.Response:
    return json_reply({"error": {"message": message, "type": kind, "param": param, "code": code}}, status, headers)


def refuse_document(options: Options, asked: dict[str, Any]) -> web.Response | None:
    """Refuse a document for what it says, or for its length; None where it is let in."""
    text = "".join(str(message["content"]) for message in asked["messages"] if message["role"] == "user")
    if options.flagged and options.flagged in text:
        return error_reply(403, f"Your input was flagged:\n {options.flagged!r} is not allowed.", None, 403)
    if options.too_large_over and len(text) > options.too_large_over:
        message = f"Request too large for {asked.get('model')} on tokens per min (TPM): Limit 30000, Requested 45120."
        return error_reply(429, message, "tokens", "rate_limit_exceeded")
    return None


def refuse_settings(options: Options, asked: dict[str, Any]) -> web.Response | None:
    """Refuse a model or parameter; None where the endpoint knows them."""
    model = asked.get("model")
    if model not in MODELS:
        message = f"The model `{model}` does not exist or you do not have access to it."
        return error_reply(404, message, "invalid_request_error", "model_not_found")
    if asked.get("logprobs") and not options.logprobs:
        message = "logprobs is not supported with this model."
        return error_reply(400, message, "invalid_request_error", "unsupported_parameter", param="logprobs")
    if model == "gpt-6-luna" and asked.get("temperature", 1) != 1:
        message = "temperature does not support this value with this model."
        return error_reply(400, message, "invalid_request_error", "unsupported_value", param="temperature")
    if (asked.get("store") or asked.get("metadata")) and not options.stored:
        message = "Unknown parameter: 'store'."
        return error_reply(400, message, "invalid_request_error", "unknown_parameter", param="store")
    return _refuse_turns(asked)


def _refuse_turns(asked: dict[str, Any]) -> web.Response | None:
    """Refuse two turns of one role in a row, as the chat template of a model does under vLLM."""
    turns = [message["role"] for message in asked["messages"] if message["role"] != "system"]
    if all(one != other for one, other in pairwise(turns)):
        return None
    message = "Conversation roles must alternate user/assistant/user/assistant/..."
    return error_reply(400, message, "BadRequestError", None)
