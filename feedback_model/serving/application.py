"""The HTTP application: which path is answered by what."""

import logging
import time
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feedback_model.serving import chat_endpoint
from feedback_model.serving.access import Access, Guard
from feedback_model.serving.asking import Asking
from feedback_model.serving.feedback_endpoint import give_feedback
from feedback_model.serving.job_queue import ServedModel
from feedback_model.serving.metrics import Metrics
from feedback_model.serving.model_worker import ModelWorker
from feedback_model.serving.page import MEDIA_TYPES, page_file, render_locked_page, render_page
from feedback_model.serving.request_errors import CLIENT_LEFT, RequestError, json_response
from feedback_model.serving.transcripts_endpoint import read_transcripts

_log = logging.getLogger(__name__)
OPEN_PATHS: Final = ("/", "/locked", "/healthz", "/readyz", *(f"/{name}" for name in MEDIA_TYPES))
"""Answered without a token: the page's files, which are the same for everyone, and whether the server is well."""


def build_app(worker: ModelWorker, asking: Asking, access: Access, metrics: Metrics) -> ASGIApp:
    """Return the application that answers with what `worker` has loaded."""
    application = _Application(worker, asking, access, metrics)
    app = Starlette(
        routes=application.routes(),
        exception_handlers={RequestError: _refuse, HTTPException: _refuse_path, Exception: _fail},
    )
    return _Measured(Guard(app, access, OPEN_PATHS), metrics, {route.path for route in application.routes()})


class _Application:
    """The endpoints."""

    def __init__(self, worker: ModelWorker, asking: Asking, access: Access, metrics: Metrics) -> None:
        self._worker, self._asking, self._access, self._metrics = worker, asking, access, metrics

    def routes(self) -> list[Route]:
        """List the paths."""
        return [
            Route("/", self.show_page),
            Route("/locked", self.show_locked),
            *(Route(f"/{name}", _send_file) for name in MEDIA_TYPES),
            Route("/v1/feedback", self.give_feedback, methods=["POST"]),
            Route("/v1/transcripts", read_transcripts, methods=["POST"]),
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/v1/models", self.list_models),
            Route("/healthz", self.tell_health),
            Route("/readyz", self.tell_readiness),
            Route("/metrics", self.show_metrics),
        ]

    async def show_page(self, _request: Request) -> Response:
        """Show the page, which is the same for everyone: who came by the link has the token, and the page asks with it."""
        return _page(render_page())

    async def show_locked(self, _request: Request) -> Response:
        """Show what there is for who did not come by the link."""
        return _page(render_locked_page())

    async def give_feedback(self, request: Request) -> Response:
        """Answer with feedback."""
        return await give_feedback(request, self._asking)

    async def complete(self, request: Request) -> Response:
        """Answer as OpenAI's API does."""
        return await chat_endpoint.complete(request, self._asking, self._served())

    async def list_models(self, _request: Request) -> Response:
        """Name the model that answers."""
        return chat_endpoint.list_models(self._served())

    async def tell_health(self, _request: Request) -> Response:
        """Say that the process answers."""
        return PlainTextResponse("ok\n")

    async def tell_readiness(self, _request: Request) -> Response:
        """Say whether a model answers."""
        ready = self._worker.served is not None
        return json_response({"ready": ready, "problem": self._worker.refused}, 200 if ready else 503)

    async def show_metrics(self, _request: Request) -> Response:
        """Show the figures of this server."""
        return Response(self._metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def _served(self) -> ServedModel:
        if self._worker.served is None:
            raise RequestError(503, "the model is being loaded; try again in a few seconds", "loading", retry_after=5)
        return self._worker.served


def _page(text: str) -> Response:
    return Response(text, 200, {"cache-control": "no-store"}, "text/html")


async def _send_file(request: Request) -> Response:
    name = request.url.path.removeprefix("/")
    return Response(page_file(name), headers={"cache-control": "no-cache"}, media_type=MEDIA_TYPES[name])


async def _refuse(_request: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, RequestError) else json_response({}, 500)


async def _refuse_path(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = f"{request.method} is not answered at" if status == 405 else "nothing is answered at"
    response = RequestError(status, f"{words} {request.url.path}", "not_found").response()
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _fail(request: Request, error: Exception) -> Response:
    _log.error("%s failed: %s: %s", request.url.path, type(error).__name__, error)
    return RequestError(500, f"unexpected {type(error).__name__}: {error}", "unexpected").response()


class _Measured:
    """ASGI middleware that counts requests and their seconds."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: set[str]) -> None:
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        route = scope["path"] if scope["path"] in self._paths else "other"
        started, status = time.perf_counter(), CLIENT_LEFT

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)
