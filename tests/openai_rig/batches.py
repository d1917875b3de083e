"""Files and batches: handed in, validated late, answered in any order, errors in a file of their own, at half price."""

import random
import secrets
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from tests.openai_rig.bill import Bill
from tests.openai_rig.completions import charged_tokens
from tests.openai_rig.options import Options

ENDED = ("completed", "failed", "expired", "cancelled")


def _reply(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type="application/json")


def _missing(what: str) -> web.Response:
    error = {"message": f"No such {what}.", "type": "invalid_request_error", "param": None, "code": None}
    return _reply({"error": error}, 404)


class Batches:
    """The files and batches of one stand-in."""

    def __init__(
        self,
        options: Options,
        bill: Bill,
        answer: Callable[..., dict[str, Any]],
        refuse: Callable[[dict[str, Any]], web.Response | None],
    ) -> None:
        self._options, self._bill, self._answer, self._refuse = options, bill, answer, refuse
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._random = random.Random(options.seed)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/files", self.upload),
            web.get("/v1/files/{id}", self.show_file),
            web.delete("/v1/files/{id}", self.delete_file),
            web.get("/v1/files/{id}/content", self.read_file),
            web.post("/v1/batches", self.create),
            web.get("/v1/batches", self.list),
            web.get("/v1/batches/{id}", self.show),
            web.post("/v1/batches/{id}/cancel", self.cancel),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        part = form["file"]
        assert isinstance(part, web.FileField)
        return _reply(self._keep(part.file.read(), part.filename, str(form.get("purpose", "batch"))))

    def _keep(self, content: bytes, name: str, purpose: str) -> dict[str, Any]:
        shown = {
            "id": f"file-{secrets.token_hex(6)}",
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
        }
        shown |= {"filename": name, "purpose": purpose, "status": "processed"}
        self._files[shown["id"]] = (shown, content)
        return shown

    async def show_file(self, request: web.Request) -> web.Response:
        found = self._files.get(request.match_info["id"])
        return _reply(found[0]) if found else _missing("file")

    async def delete_file(self, request: web.Request) -> web.Response:
        found = self._files.pop(request.match_info["id"], None)
        return _reply({"id": found[0]["id"], "object": "file", "deleted": True}) if found else _missing("file")

    @property
    def kept_files(self) -> list[str]:
        return [content.decode() for _, content in self._files.values()]

    async def read_file(self, request: web.Request) -> web.Response:
        found = self._files.get(request.match_info["id"])
        return web.Response(body=found[1], content_type="application/octet-stream") if found else _missing("file")

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["input_file_id"] not in self._files:
            return _missing("file")
        lines = [orjson.loads(line) for line in self._files[asked["input_file_id"]][1].splitlines() if line.strip()]
        batch = {
            "id": f"batch_{secrets.token_hex(6)}",
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
        }
        batch |= {"input_file_id": asked["input_file_id"], "completion_window": asked["completion_window"]}
        batch |= {"status": "validating", "output_file_id": None, "error_file_id": None, "created_at": int(time.time())}
        batch |= {
            "metadata": asked.get("metadata"),
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        batch |= {"_lines": lines, "_at": time.monotonic(), "_tokens": sum(_input_tokens(line) for line in lines)}
        self._batches[batch["id"]] = batch
        return _reply(_shown(batch))

    async def list(self, request: web.Request) -> web.Response:
        found = [self._advance(batch) for batch in reversed(self._batches.values())]
        names = [batch["id"] for batch in found]
        after = request.query.get("after")
        found = found[names.index(after) + 1 :] if after in names else found
        page = found[: int(request.query.get("limit", 20))]
        return _reply({"object": "list", "data": [_shown(batch) for batch in page], "has_more": len(found) > len(page)})

    async def show(self, request: web.Request) -> web.Response:
        batch = self._batches.get(request.match_info["id"])
        return _reply(_shown(self._advance(batch))) if batch else _missing("batch")

    async def cancel(self, request: web.Request) -> web.Response:
        batch = self._batches.get(request.match_info["id"])
        if batch is None:
            return _missing("batch")
        batch["status"] = "cancelled"
        return _reply(_shown(batch))

    def _advance(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Where the batch is by now; it is answered the first time that someone looks after its time."""
        waited = time.monotonic() - batch["_at"]
        if batch["status"] in ENDED:
            return batch
        limit = self._options.batch_enqueued_tokens
        waiting = sum(each["_tokens"] for each in self._batches.values() if each["status"] not in ENDED)
        if batch["status"] == "validating" and limit and waiting > limit:
            message = "Enqueued token limit reached."
            batch["errors"] = {
                "object": "list",
                "data": [{"code": "token_limit_exceeded", "message": message, "line": None}],
            }
            batch["status"] = "failed"
        elif waited >= self._options.batch_seconds:
            self._finish(batch)
        else:
            batch["status"] = "in_progress"
        return batch

    def _finish(self, batch: dict[str, Any]) -> None:
        lines = list(batch["_lines"])
        self._random.shuffle(lines)
        expired = lines[: round(len(lines) * self._options.batch_expire_share)]
        outputs: list[dict[str, Any]] = []
        errors = [
            _failed(line, None, "batch_expired", "This request could not be executed in time.") for line in expired
        ]
        for line in lines[len(expired) :]:
            if self._random.random() < self._options.batch_error_share:
                errors.append(_failed(line, 500, None, "The server had an error."))
            elif self._random.random() < self._options.batch_refused_share:
                errors.append(_failed(line, 400, "context_length_exceeded", "The request is too long."))
            elif (refused := self._refuse(line["body"])) is not None:
                errors.append(_answer(line, refused.status, orjson.loads(refused.body)))
            else:
                outputs.append(self._answered(line))
        batch["output_file_id"] = (
            self._keep(_joined(outputs), "output.jsonl", "batch_output")["id"] if outputs else None
        )
        batch["error_file_id"] = self._keep(_joined(errors), "errors.jsonl", "batch_output")["id"] if errors else None
        batch["request_counts"] |= {"completed": len(outputs), "failed": len(errors)}
        batch["status"] = "expired" if expired else "completed"

    def _answered(self, line: dict[str, Any]) -> dict[str, Any]:
        asked, half = line["body"], Decimal("0.5")
        completion = self._answer(orjson.dumps(asked), asked, line["custom_id"], None, share=half)
        return _answer(line, 200, completion)


def _answer(line: dict[str, Any], status: int, body: dict[str, Any]) -> dict[str, Any]:
    response = {"status_code": status, "request_id": secrets.token_hex(6), "body": body}
    name = f"batch_req_{secrets.token_hex(6)}"
    return {"id": name, "custom_id": line["custom_id"], "response": response, "error": None}


def _failed(line: dict[str, Any], status: int | None, code: str | None, message: str) -> dict[str, Any]:
    if status is not None:
        return _answer(
            line, status, {"error": {"message": message, "type": "server_error", "code": code, "param": None}}
        )
    return _answer(line, 0, {}) | {"response": None, "error": {"code": code, "message": message}}


def _input_tokens(line: dict[str, Any]) -> float:
    body = orjson.dumps(line["body"])
    return charged_tokens(body, {})


def _joined(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in batch.items() if not key.startswith("_")}
