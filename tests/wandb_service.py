"""The part of Weights & Biases' service that `wandb sync` talks to, in memory."""

import gzip
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WandbService:
    """What a sync has brought."""

    url: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)

    def answer(self, operation: str, values: dict[str, Any]) -> dict[str, Any]:
        """Answer a GraphQL operation; an empty answer is enough for most."""
        if operation == "UpsertBucket":
            self.config |= {name: each["value"] for name, each in json.loads(values["config"] or "{}").items()}
            project = {"id": "p", "name": values["project"], "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "b", "name": values["name"], "displayName": values["name"], "project": project}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if operation == "CreateArtifact":
            self.artifacts.append(values["input"])
            sequence = {"latestArtifact": None}
            return {"createArtifact": {"artifact": {"id": "a", "state": "PENDING", "artifactSequence": sequence}}}
        if operation == "CreateArtifactManifest":
            return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": self._file("manifest")}}}
        if operation == "CreateArtifactFiles":
            nodes = [self._file(each["name"]) for each in values["input"]["artifactFiles"]]
            return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
        if operation == "CreateRunFiles":
            files = [self._file(name) for name in values["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        return {"commitArtifact": {"artifact": {"id": "a", "digest": ""}}} if operation == "CommitArtifact" else {}

    def _file(self, name: str) -> dict[str, Any]:
        place = {"uploadUrl": f"{self.url}/uploads/{name}", "uploadHeaders": [], "storagePath": name}
        return {"id": name, "name": name, "artifact": {"id": "a"}, **place}

    def stream(self, files: dict[str, Any]) -> None:
        """Take rows of a run."""
        self.history += [json.loads(row) for row in files.get("wandb-history.jsonl", {}).get("content", [])]


class _Handler(BaseHTTPRequestHandler):
    service: WandbService

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/graphql":
            asked = json.loads(body)
            return self._reply({"data": self.service.answer(asked["operationName"], asked.get("variables") or {})})
        if self.path.endswith("/file_stream"):
            self.service.stream(json.loads(body).get("files") or {})
        return self._reply({})

    def do_PUT(self) -> None:
        self.service.uploads[self.path.removeprefix("/uploads/")] = self._body()
        self._reply({})

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _reply(self, said: Any) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def wandb_service() -> Generator[WandbService]:
    """Serve on a port of its own during the block."""
    service = WandbService()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": service}))
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
