"""An OpenAI-compatible HTTP endpoint on this machine: `python -m feedback_model.embedded.endpoint --port 0`.

Serves one model, `embedded-rubric-1`, at `/v1/chat/completions` and `/v1/models`, with OpenAI's headers and error
shapes. What it should do wrong comes from flags (`--server-error-rate 0.1`) or the environment
(`FEEDBACK_EMBEDDED_SERVER_ERROR_RATE`); `/bill` says what was charged. Prints one line, `ready
http://127.0.0.1:PORT/v1`, and ends when its standard input closes.
"""

import argparse
import asyncio
import hashlib
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from feedback_model.embedded.answers import MODEL, answer, count_tokens, read_request
from feedback_model.embedded.faults import Fault, Faults, RateLimit, choose_fault

FINGERPRINT = "fp_embedded_1"
UNLIMITED_REQUESTS = 30_000
UNLIMITED_TOKENS = 150_000_000
"""Limits told in headers where none is set: those of OpenAI's highest tier."""


@dataclass(slots=True)
class Bill:
    """What was charged so far."""

    replies: Counter[str] = field(default_factory=Counter[str])
    """Replies charged, by SHA-256 of what was asked: the system message, a newline, the user message."""
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def charge(self, asked: str, usage: dict[str, Any]) -> None:
        """Add one reply."""
        self.replies[hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()] += 1
        self.prompt_tokens += usage["prompt_tokens"]
        self.completion_tokens += usage["completion_tokens"]


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def _error(status: int, message: str, type_: str, code: str | None, headers: dict[str, str] | None = None) -> Response:
    return _json({"error": {"message": message, "type": type_, "param": None, "code": code}}, status, headers)


class Endpoint:
    """Answers requests; holds the bill, the limiter and the dice of one process."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.bill = Bill()
        self._limit = RateLimit(faults.requests_per_minute)
        self._random = random.Random(faults.seed)

    async def complete(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        body = await request.body()
        self.bill.requests += 1
        if wait := self._limit.admit():
            return self._rate_limited(wait)
        if self.faults.quota and self.bill.replies.total() >= self.faults.quota:
            return _error(429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
        if self.faults.delay:
            await asyncio.sleep(self.faults.delay)
        fault = choose_fault(self.faults, self._random)
        return await self._fail(fault, request) or self._reply(body, fault)

    async def models(self, _request: Request) -> Response:
        """`GET /v1/models`."""
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "feedback-model"}
        return _json({"object": "list", "data": [model]})

    async def show_bill(self, _request: Request) -> Response:
        """`GET /bill`."""
        bill = self.bill
        tokens = {"prompt_tokens": bill.prompt_tokens, "completion_tokens": bill.completion_tokens}
        return _json({"requests": bill.requests, "replies": dict(bill.replies), **tokens})

    async def _fail(self, fault: Fault | None, request: Request) -> Response | None:
        if fault == "rate_limited":
            return self._rate_limited(1.0)
        if fault == "server_error":
            return _error(500, "The server had an error while processing your request.", "server_error", None)
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "reset":
            request.scope["abort"]()
            return Response()
        return None

    def _rate_limited(self, wait: float) -> Response:
        message = f"Rate limit reached for {MODEL}. Please try again in {wait * 1000:.0f}ms."
        headers = {**self._headers(0), "retry-after": f"{wait:.3f}", "retry-after-ms": f"{wait * 1000:.0f}"}
        return _error(429, message, "requests", "rate_limit_exceeded", headers)

    def _reply(self, body: bytes, fault: Fault | None) -> Response:
        try:
            asked = orjson.loads(body)
            model, messages = asked["model"], asked["messages"]
            request = read_request(body, messages)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _error(400, f"The request is not a chat completion: {error!r}", "invalid_request_error", None)
        if model != MODEL:
            message = f"The model `{model}` does not exist or you do not have access to it."
            return _error(404, message, "invalid_request_error", "model_not_found")
        completion = _completion(request.system + request.user, answer(request), fault)
        completion["id"] = f"chatcmpl-{request.seed:016x}{self.bill.requests}"
        self.bill.charge(f"{request.system}\n{request.user}", completion["usage"])
        return _json(completion, headers=self._headers(completion["usage"]["total_tokens"]))

    def _headers(self, tokens: int) -> dict[str, str]:
        limited = self._limit.per_second > 0
        requests = int(self._limit.per_second * 60) if limited else UNLIMITED_REQUESTS
        return {
            "x-ratelimit-limit-requests": str(requests),
            "x-ratelimit-remaining-requests": str(self._limit.remaining if limited else requests - 1),
            "x-ratelimit-reset-requests": f"{self._limit.seconds_to_full * 1000:.0f}ms",
            "x-ratelimit-limit-tokens": str(UNLIMITED_TOKENS),
            "x-ratelimit-remaining-tokens": str(UNLIMITED_TOKENS - tokens),
            "x-ratelimit-reset-tokens": "0ms",
        }


def _completion(prompt: str, text: str, spoiled: Fault | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if spoiled == "refusal":
        message = {"role": "assistant", "content": None, "refusal": "I'm sorry, I can't help with that."}
    elif spoiled == "nonsense":
        message["content"] = "certainly {score: seven out of ten, more or less"
    elif spoiled == "truncated":
        message["content"] = text[: len(text) // 2]
    asked, said = count_tokens(prompt), count_tokens(message["content"] or message["refusal"])
    finish = "length" if spoiled == "truncated" else "stop"
    return {
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def build_app(faults: Faults) -> ASGIApp:
    """The endpoint as an ASGI application."""
    endpoint = Endpoint(faults)
    routes = [
        Route("/v1/chat/completions", endpoint.complete, methods=["POST"]),
        Route("/v1/models", endpoint.models),
        Route("/bill", endpoint.show_bill),
    ]
    return _with_abort(Starlette(routes=routes))


def _with_abort(app: ASGIApp) -> ASGIApp:
    """Let handlers cut the connection through `scope["abort"]`; uvicorn offers no public way."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["abort"] = send.__self__.transport.abort  # type: ignore[attr-defined]  # uvicorn's own
        await app(scope, receive, send)

    return wrapped


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for bound in sockets or []:
            sys.stdout.write(f"ready http://127.0.0.1:{bound.getsockname()[1]}/v1\n")
            sys.stdout.flush()


def serve(faults: Faults, port: int) -> None:
    """Serve on 127.0.0.1 until standard input closes; port 0 takes a free one."""
    server = _Server(uvicorn.Config(build_app(faults), log_level="warning", lifespan="off", ws="none", backlog=1024))

    def stop_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = server.force_exit = True

    threading.Thread(target=stop_with_parent, daemon=True).start()
    bound = socket.create_server(("127.0.0.1", port), backlog=1024)
    # Inherited by connections; without it each reply waits 40 ms for the client's delayed acknowledgement.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.run(sockets=[bound])


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="embedded-endpoint", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    for faulty in fields(Faults):
        default = os.environ.get(f"FEEDBACK_EMBEDDED_{faulty.name.upper()}", faulty.default)
        parser.add_argument(f"--{faulty.name.replace('_', '-')}", type=type(faulty.default), default=default)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = vars(_read_arguments())
    chosen_port = arguments.pop("port")
    serve(Faults(**arguments), chosen_port)
