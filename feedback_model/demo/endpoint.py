"""An OpenAI-compatible HTTP endpoint on this machine: `python -m feedback_model.demo.endpoint --port 0`.

Serves one model, `embedded-rubric-3`, at `/v1/chat/completions` and `/v1/models`, with OpenAI's error shapes; it charges
nothing and limits nobody. Prints one line, `ready http://127.0.0.1:PORT/v1`, and ends at SIGTERM without waiting for anyone.
"""

import argparse
import socket
import sys
import time
from types import FrameType
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from feedback_model.demo.answers import MODEL, answer, count_tokens, read_request

FINGERPRINT = "fp_embedded_1"


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _error(status: int, message: str, kind: str, code: str | None) -> Response:
    return _json({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)


async def complete(request: Request) -> Response:
    """`POST /v1/chat/completions`."""
    body = await request.body()
    try:
        asked = orjson.loads(body)
        model, messages = asked["model"], asked["messages"]
        chat = read_request(body, messages)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _error(400, f"The request is not a chat completion: {error!r}", "invalid_request_error", None)
    if model != MODEL:
        message = f"The model `{model}` does not exist or you do not have access to it."
        return _error(404, message, "invalid_request_error", "model_not_found")
    return _json({"id": f"chatcmpl-{chat.seed:016x}", **_completion(chat.system + chat.user, answer(chat))})


async def list_models(_request: Request) -> Response:
    """`GET /v1/models`."""
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "feedback-model"}
    return _json({"object": "list", "data": [model]})


def _completion(prompt: str, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    asked, said = count_tokens(prompt), count_tokens(text)
    return {
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def build_app() -> ASGIApp:
    """Return the endpoint as an ASGI application."""
    routes = [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/v1/models", list_models),
    ]
    return Starlette(routes=routes)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for bound in sockets or []:
            sys.stdout.write(f"ready http://127.0.0.1:{bound.getsockname()[1]}/v1\n")
            sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = True
        super().handle_exit(sig, frame)


def serve(port: int) -> None:
    """Serve on 127.0.0.1 until a signal ends it; port 0 takes a free one."""
    server = _Server(uvicorn.Config(build_app(), log_level="warning", lifespan="off", ws="none", backlog=1024))
    bound = socket.create_server(("127.0.0.1", port), backlog=1024)
    # Inherited by connections; without it each reply waits 40 ms for the client's delayed acknowledgement.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.run(sockets=[bound])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="embedded-endpoint", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    serve(parser.parse_args().port)
