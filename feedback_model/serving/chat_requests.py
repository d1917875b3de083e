"""Requests for chat completions as OpenAI's API has them, and which of its parameters this model can honour."""

from dataclasses import dataclass
from typing import Any, Final

from feedback_model.prompts import take_out
from feedback_model.records.evaluation import Decoding
from feedback_model.serving.request_bodies import cut_text, read_decoding, shown
from feedback_model.serving.request_errors import RequestError
from feedback_model.transcripts.segmenting import LONGEST

_IGNORED: Final = frozenset(
    {"messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "decoding"}
    | {"seed", "user", "safety_identifier", "prompt_cache_key", "metadata"}
)
"""Read elsewhere, or of no influence on an answer that is always the most likely one."""
_ONLY: Final[dict[str, tuple[Any, ...]]] = {
    "temperature": (0,),
    "top_p": (1,),
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "store": (False,),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"}, {"type": "json_object"}),
    "service_tier": ("auto", "default"),
}
"""Values under which a parameter asks for what this model does anyway."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request for one completion."""

    model: str
    """As the client names it."""
    transcript: str
    """The last message of the user, cleaned as landing cleans it."""
    decoding: Decoding | None
    is_streamed: bool
    streams_usage: bool
    """Whether a stream ends with the number of tokens."""
    max_tokens: int | None
    """Tokens that the client allows; None: as many as the model needs."""


def read_chat(body: dict[str, Any]) -> ChatRequest:
    """Read a request.

    Raises:
        RequestError: it is none, or asks for what this model cannot do.
    """
    _check_parameters(body)
    model = body.get("model")
    if not isinstance(model, str):
        raise RequestError(400, "the request names no model; GET /v1/models lists them", param="model")
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise RequestError(400, f"stream_options is {shown(options)}; an object is expected", param="stream_options")
    return ChatRequest(
        model,
        _transcript(body.get("messages")),
        read_decoding(body),
        bool(body.get("stream")),
        bool(options.get("include_usage")),
        _max_tokens(body),
    )


def _check_parameters(body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name in _IGNORED or value is None or value in ([], {}):
            continue
        if name not in _ONLY:
            message = (
                f"{name} is not supported: this model gives feedback on a transcript and takes no such instruction"
            )
            raise RequestError(400, message, "unsupported_parameter", param=name)
        if value not in _ONLY[name]:
            allowed = " or ".join(map(shown, _ONLY[name]))
            message = f"{name} {shown(value)} is not supported: answers are the most likely ones; use {allowed} or leave it out"
            raise RequestError(400, message, "unsupported_value", param=name)


def _max_tokens(body: dict[str, Any]) -> int | None:
    name = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise RequestError(400, f"{name} is {shown(value)}; a whole number above 0 is expected", param=name)
    return value


def _transcript(messages: Any) -> str:
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise RequestError(400, f"messages is {shown(messages)}; a list of messages is expected", param="messages")
    said = [message.get("content") for message in messages if message.get("role") == "user"]
    if not said:
        raise RequestError(400, "no message is the user's; the last of them is the transcript", param="messages")
    piece, *more = cut_text(take_out(_text_of(said[-1])))
    if more:
        message = (
            f"the transcript has more than the {LONGEST} words that the model reads at once: it makes {1 + len(more)} pieces; "
            "send them one by one, or the whole to /v1/feedback, which cuts it"
        )
        raise RequestError(400, message, "context_length_exceeded", param="messages")
    return piece


def _text_of(content: Any) -> str:
    """Return the text of a message, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise RequestError(400, f"the transcript is {shown(content)}; text is expected", param="messages")
    return "\n".join(text for text in texts if isinstance(text, str))
