"""The stand-in over HTTP: `python -m tests.openai_rig.server` opens one for each line of its standard input.

A line is a JSON list, of options to open a stand-in (`["--requests-per-minute=5000"]`; the answer is
`ready http://127.0.0.1:PORT/v1`) or of the URL of one to close. The process ends when its standard input does. `GET /bill`,
`/bill/totals` and `/bill/requests` say what was charged; `POST /rig/quota {"quota": N}` moves the quota, as paying a
bill does.
"""

import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from functools import partial
from typing import Any

from aiohttp import web

from tests.openai_rig.batches import Batches
from tests.openai_rig.bill import Bill
from tests.openai_rig.completions import charged_tokens, complete, name_question, read_json, tell_usage
from tests.openai_rig.limits import Limits
from tests.openai_rig.options import Options, read_options
from tests.openai_rig.refusals import MODELS, error_reply, json_reply, refuse_document, refuse_settings
from tests.openai_rig.stored import StoredCompletions

SPOILED = ("nonsense", "truncated", "refusal")


class Rig:
    """One stand-in: its limits, its dice, its bill."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.bill = Bill()
        self.quota = options.quota
        self.held = False
        self.limits: defaultdict[str, Limits] = defaultdict(partial(Limits, options))
        self.stored = StoredCompletions(options)
        self.batches = Batches(options, self.bill, self.answer, self._refuse)
        self._random = random.Random(options.seed)
        self._rates = [
            (name.removesuffix("_rate"), getattr(options, name))
            for name in Options.__dataclass_fields__
            if name.endswith("_rate")
        ]

    async def create(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bill.requests += 1
        # A client that goes away does not take its request back.
        return await asyncio.shield(asyncio.ensure_future(self._create(request, body)))

    async def _create(self, request: web.Request, body: bytes) -> web.Response:
        try:
            asked = read_json(body)
            tokens = charged_tokens(body, asked)
        except (ValueError, TypeError) as error:
            return error_reply(400, f"The request is no chat completion: {error!r}", "invalid_request_error", None)
        limits = self.limits[request.headers.get("authorization", "")]
        if wait := limits.admit(tokens, time.monotonic()):
            return self._limited("rate_limit_exceeded", wait, limits)
        if self.quota and self.bill.completions >= self.quota:
            return error_reply(
                429, "You exceeded your current quota.", self.options.quota_code, self.options.quota_code
            )
        headers = limits.headers()  # as they stand when the request is let in
        await self._take_time()
        fault = self._draw()
        if (failed := await self._fail(fault, request, limits)) is not None:
            return failed
        return self._reply(request, body, asked, fault, headers)

    async def _take_time(self) -> None:
        options = self.options
        latency = options.latency_median and options.latency_median * self._random.lognormvariate(
            0, options.latency_sigma
        )
        if options.delay or latency:
            await asyncio.sleep(options.delay + latency)

    def _draw(self) -> str | None:
        drawn = self._random.random()
        for fault, rate in self._rates:
            drawn -= rate
            if drawn < 0:
                return fault
        return None

    async def _fail(self, fault: str | None, request: web.Request, limits: Limits) -> web.Response | None:
        match fault:
            case "rate_limited":
                return self._limited("rate_limit_exceeded", 1.0, limits)
            case "long_wait":
                return self._limited("rate_limit_exceeded", 300.0, limits)
            case "slow_down":
                return self._limited("slow_down", 1.0, limits)
            case "overloaded":
                return error_reply(503, "The server is overloaded.", "server_error", "server_is_overloaded")
            case "server_error":
                return error_reply(500, "The server had an error while processing your request.", "server_error", None)
            case "stray":
                status = self.options.stray_status
                return error_reply(status, "No endpoints found for this request.", None, status)
            case "error_under_200":
                return json_reply({"error": {"message": "Provider returned error", "code": 502}})
            case "hang":
                await asyncio.Event().wait()
            case "reset":
                return cut(request)
            case _:
                pass
        return None

    def _limited(self, code: str, wait: float, limits: Limits) -> web.Response:
        self.bill.rejected += 1
        headers = {**limits.headers(), "retry-after": f"{wait:.3f}", "retry-after-ms": f"{wait * 1000:.0f}"}
        message = f"Rate limit reached. Please try again in {wait * 1000:.0f}ms."
        return error_reply(429, message, "requests", code, headers)

    def _reply(
        self, request: web.Request, body: bytes, asked: dict[str, Any], fault: str | None, headers: dict[str, str]
    ) -> web.Response:
        try:
            if (refused := self._refuse(asked)) is not None:
                return refused
            completion = self.answer(body, asked, request.headers.get("x-client-request-id", ""), fault)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return error_reply(400, f"The request is no chat completion: {error!r}", "invalid_request_error", None)
        if asked.get("store"):
            self.stored.keep(completion, asked.get("metadata") or {})
        if fault == "gateway":
            return web.Response(text="<html>Gateway Time-out</html>", status=504, content_type="text/html")
        return cut(request) if fault == "reset_after_billing" else json_reply(completion, headers=headers)

    def _refuse(self, asked: dict[str, Any]) -> web.Response | None:
        return refuse_settings(self.options, asked) or refuse_document(self.options, asked)

    def answer(
        self, body: bytes, asked: dict[str, Any], request_id: str, fault: str | None, **charge: Any
    ) -> dict[str, Any]:
        """Answer a request and charge it."""
        spoiled, canned = fault if fault in SPOILED else None, self.options.answers == "canned"
        spoiled = "nonsense" if self.options.answers == "nonsense" else spoiled
        completion = complete(body, asked, canned=canned, spoiled=spoiled, cached_share=self.options.cached_share)
        completion["id"] = f"chatcmpl-{len(self.bill.by_request):x}-{self.bill.completions:x}"
        self.bill.charge(name_question(asked), request_id, asked["model"], completion["usage"], **charge)
        completion["usage"] = tell_usage(completion["usage"], self.options.usage)
        return completion

    async def list_models(self, _request: web.Request) -> web.Response:
        if not self.options.models_listing:
            return error_reply(404, "Not found.", "invalid_request_error", None)
        ends = {"shutdown_date": self.options.shutdown_date} if self.options.shutdown_date else {}
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "rig", **ends} for name in MODELS]
        return json_reply({"object": "list", "data": data})

    async def list_stored(self, request: web.Request) -> web.Response:
        if not self.options.stored:
            return error_reply(404, "Not found.", "invalid_request_error", None)
        return json_reply(self.stored.page(request.query))

    async def delete_stored(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        if not self.stored.delete(name):
            return error_reply(404, f"Completion {name} not found.", "invalid_request_error", None)
        return json_reply({"id": name, "object": "chat.completion.deleted", "deleted": True})

    async def show_kept(self, _request: web.Request) -> web.Response:
        """Show everything that is stored: completions, and the contents of files."""
        return json_reply({"completions": self.stored.kept, "files": self.batches.kept_files})

    async def show_bill(self, _request: web.Request) -> web.Response:
        return json_reply(self.bill.show())

    async def show_totals(self, _request: web.Request) -> web.Response:
        return json_reply(self.bill.show_totals())

    async def show_requests(self, _request: web.Request) -> web.Response:
        return json_reply(self.bill.show_requests())

    async def set_quota(self, request: web.Request) -> web.Response:
        self.quota = int((await request.json())["quota"])
        return json_reply({"quota": self.quota})

    @web.middleware
    async def check_key(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization", f"Bearer {self.options.key}") != f"Bearer {self.options.key}":
            self.bill.rejected += 1
            return error_reply(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
        return await handler(request)

    @web.middleware
    async def hold(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Withhold the first answer to what `options.hold` names, after everything was done."""
        response = await handler(request)
        if not self.held and f"{request.method} {request.path}".startswith(self.options.hold or "-"):
            self.held = True
            await asyncio.Event().wait()
        return response

    async def show_held(self, _request: web.Request) -> web.Response:
        return json_reply(self.held)


def cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def build(options: Options) -> web.Application:
    rig = Rig(options)
    middlewares = [rig.check_key] * bool(options.key) + [rig.hold] * bool(options.hold)
    app = web.Application(client_max_size=256 * 1024**2, middlewares=middlewares)
    app.add_routes(
        [
            web.post("/v1/chat/completions", rig.create),
            web.get("/v1/chat/completions", rig.list_stored),
            web.delete("/v1/chat/completions/{id}", rig.delete_stored),
            web.get("/v1/models", rig.list_models),
            web.get("/bill", rig.show_bill),
            web.get("/bill/totals", rig.show_totals),
            web.get("/bill/requests", rig.show_requests),
            web.post("/rig/quota", rig.set_quota),
            web.get("/rig/held", rig.show_held),
            web.get("/rig/kept", rig.show_kept),
            *(rig.batches.routes() if options.batch_api else ()),
        ]
    )
    return app


async def start(options: Options, port: int) -> web.AppRunner:
    """Serve; port 0 takes a free one."""
    # What is still being answered when a stand-in is closed, nobody waits for.
    runner = web.AppRunner(build(options), access_log=None, handler_cancellation=False, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, options.bind, port, backlog=4096).start()
    return runner


async def obey(running: dict[str, web.AppRunner], order: list[str]) -> str:
    """Close the stand-in that `order` names, or open the one that it describes; returns the answer."""
    if order and order[0] in running:
        await running.pop(order[0]).cleanup()
        return f"closed {order[0]}"
    try:
        runner = await start(*read_options(order))
    except (SystemExit, OSError) as error:
        return f"error {error}"
    bound, chosen = runner.addresses[0]
    url = f"http://{bound}:{chosen}/v1"
    running[url] = runner
    return f"ready {url}"


async def serve() -> None:
    """Obey standard input until it ends."""
    running: dict[str, web.AppRunner] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(await obey(running, json.loads(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
