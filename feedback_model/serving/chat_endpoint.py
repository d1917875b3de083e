"""`/v1/chat/completions` and `/v1/models` as OpenAI's API has them, for the model that is served.

An answer is generated as a whole, among those of others, so a stream tells at once that it has begun, says now and then that it
goes on, and brings the answer trait by trait when it is there.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from feedback_model.serving.asking import Asking
from feedback_model.serving.chat_requests import ChatRequest, read_chat
from feedback_model.serving.feedback_endpoint import describe, scores_of
from feedback_model.serving.job_queue import Answer, Job, ServedModel
from feedback_model.serving.request_bodies import read_object, shown
from feedback_model.serving.request_errors import RequestError, json_response
from feedback_model.traits import TRAIT_KEYS

_SIGN_OF_LIFE: Final = 10.0
"""Seconds between two comments of a stream that waits; proxies and clients give up on silence."""
_TRAIT_END: Final = re.compile(r"(?<=\}, )")


def model_names(served: ServedModel) -> list[str]:
    """Return the names under which the served model may be asked for."""
    version = served.chosen.version
    return [*["champion"] * served.chosen.is_champion, version.name, version.model_id]


def list_models(served: ServedModel) -> Response:
    """Answer `GET /v1/models`: one model, under each of its names."""
    facts = {
        "object": "model",
        "created": 0,
        "owned_by": "feedback-model",
        **describe(served),
        "decoding": served.decoding,
    }
    return json_response({"object": "list", "data": [{"id": name, **facts} for name in model_names(served)]})


async def complete(request: Request, asking: Asking, served: ServedModel) -> Response:
    """Answer `POST /v1/chat/completions`."""
    asked = read_chat(await read_object(request))
    _check_model(asked, served)
    if asked.is_streamed:
        jobs = asking.submit([asked.transcript], asked.decoding)
        return StreamingResponse(_stream(asking, jobs, asked), media_type="text/event-stream")
    (answer,) = await asking.ask(request, [asked.transcript], asked.decoding)
    _check_model(asked, answer.model)  # a new champion may have come while this waited
    message = {"role": "assistant", "content": _content(answer), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.output.finish_reason}
    completion = {**_frame("chat.completion", asked), "choices": [choice], "usage": _usage(answer)}
    return json_response(completion | _fingerprint(answer))


def _check_model(asked: ChatRequest, served: ServedModel) -> None:
    names = model_names(served)
    if asked.model not in names:
        message = f"the model {shown(asked.model)} is not served; use {' or '.join(names)}"
        raise RequestError(404, message, "model_not_found", param="model")
    if asked.max_tokens is not None and asked.max_tokens < served.max_new_tokens:
        message = f"an answer may take {served.max_new_tokens} tokens; allow as many or leave max_tokens out"
        raise RequestError(400, message, "unsupported_value", param="max_tokens")


async def _stream(asking: Asking, jobs: Sequence[Job], asked: ChatRequest) -> AsyncIterator[bytes]:
    frame = _frame("chat.completion.chunk", asked)
    waiting = asyncio.ensure_future(asking.answers(jobs))
    try:
        yield _event(_chunk(frame, {"role": "assistant", "content": ""}))
        while not (await asyncio.wait({waiting}, timeout=_SIGN_OF_LIFE))[0]:
            yield b": waiting\n\n"
        (answer,) = waiting.result()
        _check_model(asked, answer.model)
    except RequestError as error:
        yield _event(error.content())
        return
    finally:
        waiting.cancel()
    frame |= _fingerprint(answer)
    for part in _TRAIT_END.split(_content(answer)):
        yield _event(_chunk(frame, {"content": part}))
    yield _event(_chunk(frame, {}, answer.output.finish_reason))
    if asked.streams_usage:
        yield _event({**frame, "choices": [], "usage": _usage(answer)})
    yield b"data: [DONE]\n\n"


def _frame(kind: str, asked: ChatRequest) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid4().hex}", "object": kind, "created": int(time.time()), "model": asked.model}


def _chunk(frame: dict[str, Any], delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {**frame, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]}


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(content) + b"\n\n"


def _content(answer: Answer) -> str:
    """Return what the model wrote; where it wrote nothing, its scores in the same form."""
    if answer.output.raw:
        return answer.output.raw.decode("utf-8", "replace")
    traits = zip(TRAIT_KEYS, scores_of(answer) or (), strict=False)
    said = {
        key: {"score": each.score, "expectation": each.expectation, "interval": each.interval} for key, each in traits
    }
    return orjson.dumps(said).decode()


def _fingerprint(answer: Answer) -> dict[str, str]:
    return {"system_fingerprint": answer.model.chosen.version.model_id}


def _usage(answer: Answer) -> dict[str, int]:
    asked, said = answer.n_prompt_tokens, answer.output.n_tokens
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
