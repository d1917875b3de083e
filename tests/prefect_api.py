"""A real Prefect server for the flows of a test process, and what its API says of them."""

import json
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployments.local.server import serving
from tests.local_service import authorization


@dataclass(frozen=True)
class PrefectApi:
    url: str
    secret: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": authorization(self.secret)}
        request = urllib.request.Request(f"{self.url}/{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def task_runs(self, flow_name: str) -> list[dict[str, Any]]:
        return self.call("POST", "task_runs/filter", {"flows": {"name": {"any_": [flow_name]}}})

    def artifacts(self, key: str, task_run_id: str) -> list[dict[str, Any]]:
        wanted = {"key": {"any_": [key]}, "task_run_id": {"any_": [task_run_id]}}
        return self.call("POST", "artifacts/filter", {"artifacts": wanted})

    def log_lines(self, task_run_id: str) -> list[str]:
        found = self.call("POST", "logs/filter", {"logs": {"task_run_id": {"any_": [task_run_id]}}})
        return [line["message"] for line in sorted(found, key=lambda line: line["timestamp"])]


@contextmanager
def prefect_api_running(folder: Path) -> Generator[PrefectApi]:
    """Serve Prefect's API on a port of its own, and have this process report to it during the block."""
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_TO_API_BATCH_INTERVAL,
        PREFECT_RESULTS_LOCAL_STORAGE_PATH,
        temporary_settings,
    )

    environment = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    with serving(folder / "server.log", environment) as server:
        ours = {
            PREFECT_API_URL: server.api_url,
            PREFECT_API_AUTH_STRING: server.secret,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_TO_API_BATCH_INTERVAL: 0.1,
            PREFECT_RESULTS_LOCAL_STORAGE_PATH: folder / "results",
        }
        with temporary_settings(ours):
            yield PrefectApi(server.api_url, server.secret)
