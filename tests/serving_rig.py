"""A real `feedback serve` for tests, on a port of its own; it ends with the test."""

import http.client
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import insert

from feedback_model.records.training import BaseModel, Checkpoint, ModelVersion
from feedback_model.store import tables
from feedback_model.store.bulk import insert_missing
from feedback_model.store.connection import Store
from feedback_model.store.training import record_models
from tests.builders import NOW
from tests.local_service import HANGS, clean_environment, eventually


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> str:
        return self.json["error"]["message"]


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    process: "subprocess.Popen[str]"
    link: str
    log: Path

    @property
    def address(self) -> str:
        return urlsplit(self.link).netloc

    @property
    def token(self) -> str:
        return urlsplit(self.link).fragment

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Ask with the token, unless `headers` say otherwise; `_` in their names stands for `-`."""
        sent = {"authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        with closing(http.client.HTTPConnection(self.address, timeout=HANGS)) as connection:
            connection.request(method, path, data, {name: text for name, text in sent.items() if text})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read().decode())

    def post(self, text: str, **fields: Any) -> Reply:
        """Ask for feedback on a text."""
        return self.call("POST", "/v1/feedback", {"text": text, **fields})

    def post_later(self, text: str, **fields: Any) -> "Future[Reply]":
        """Ask in a thread of its own."""
        reply: Future[Reply] = Future()

        def ask() -> None:
            try:
                reply.set_result(self.post(text, **fields))
            except OSError as error:
                reply.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        return reply

    def figure(self, name: str) -> float:
        """A figure of `/metrics`; 0 where it is not there yet."""
        lines = self.call("GET", "/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def wait_until(self, name: str, value: float) -> None:
        """Wait until a figure has reached a value."""
        eventually(lambda: self.figure(name) == value)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and wait for it; returns its exit status."""
        self.process.send_signal(with_signal)
        return self.process.wait(HANGS)


@contextmanager
def serving(home: Path, *options: str, **settings: str) -> Generator[Served]:
    """`feedback serve` with `options` and, as environment variables, `settings`."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serve.log"
    command = [sys.executable, "-m", "deployments.cli", "serve", "--port", "0", *options]
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=sink, text=True, env=clean_environment(home) | settings
        )
    assert process.stdout is not None
    with process.stdout:
        try:
            link = process.stdout.readline().strip()
            assert link, log.read_text()
            yield Served(process, link, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(HANGS)
            finally:
                process.kill()
    assert "Traceback" not in log.read_text()


def fill_models(store: Store, base: BaseModel) -> tuple[ModelVersion, ModelVersion]:
    """Make a base known to the store, plain and in NF4."""
    models = ModelVersion("base", base, quantised=False), ModelVersion("base-nf4", base, quantised=True)
    record_models(store, models)
    return models


def lose_model(store: Store, base: BaseModel) -> str:
    """Make an epoch known to the store whose adapter is nowhere; returns its model id."""
    lost = ModelVersion("epoch-1", base, True, Checkpoint("run-1", 1, "checkpoints/run-1/epoch-1", "abc", None))
    row = {
        "model_id": lost.model_id,
        "base_model": base.name,
        "base_revision": base.revision,
        "stand_in": base.stand_in,
    }
    with store.write(foreign_keys=False) as connection:
        row |= {"quantised": True, "run_id": "run-1", "epoch": 1, "adapter_sha": "abc"}
        insert_missing(connection, tables.model_version, [row])
    return lost.model_id


def make_champion(store: Store, model_id: str) -> None:
    """Promote a model, with a decision that rests on nothing."""
    rules = {"rules_number": 1, "rules_id": "none", "version": "none", "rules": "{}", "fixed_at": NOW}
    decision = {"decision_id": f"for {model_id}", "model_id": model_id, "verdict": "promote"}
    with store.write(foreign_keys=False) as connection:
        insert_missing(connection, tables.promotion_rules, [rules])
        made = decision | {"created_at": NOW, "evaluation_id": "none", "reasons": "[]"}
        insert_missing(
            connection, tables.decision, [made | {"rules_number": 1, "rules_fixed_at": NOW, "predicted_at": NOW}]
        )
        connection.execute(
            insert(tables.promotion),
            decision | {"promoted_at": NOW, "kind": "rollback", "promoted_by": "test", "reason": "test"},
        )
