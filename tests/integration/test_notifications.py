"""Failed runs, promotions and data that waits are told to where the setting says, by the server itself."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, get_client
from pydantic import SecretStr

from deployments.automations import ensure_automations
from deployments.local.preparation import prepare as prepare_server
from deployments.notifications import BLOCK, prepare_notifications
from feedback_model.errors import ConfigurationError
from feedback_model.settings import Settings, describe_settings
from feedback_model.store.connection import Store
from flows.retrain import retrain
from tasks.occasions import tell_promoted
from tests.integration.test_retraining import land_demo
from tests.local_service import eventually
from tests.prefect_api import PrefectApi, prefect_api_running

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated"),  # Apprise imports it for a library of its own
]

TOKEN = "T0KEN-0f-a-channel"


@dataclass
class Receiver:
    url: str
    told: list[dict[str, Any]] = field(default_factory=list)

    def hears(self, *words: str) -> dict[str, Any]:
        """What was told with all these words in it, as soon as it was."""
        return eventually(lambda: next((each for each in self.told if all(word in str(each) for word in words)), None))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A local endpoint that takes JSON, as Apprise posts it."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, serving(server):
        yield Receiver(f"json://127.0.0.1:{server.server_port}/{TOKEN}", received)


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()


async def prepare(url: str | None) -> list[str]:
    """Set the service up with this URL; returns the names of its automations."""
    async with get_client() as client:
        automations = await prepare_notifications(client, None if url is None else SecretStr(url))
        await ensure_automations(client, automations)
        return [each.name for each in automations]


@flow(name="fails")
async def fails() -> None:
    """A flow for a deployment that never starts it."""


async def a_deployed_run(api: PrefectApi) -> str:
    async with get_client() as client:
        flow_id = await client.create_flow(fails)
        deployment_id = await client.create_deployment(flow_id=flow_id, name=f"told-{uuid.uuid4().hex[:8]}")
    return api.call("POST", f"deployments/{deployment_id}/create_flow_run", {})["id"]


async def test_failure_of_a_deployment_is_told(prefect_api: PrefectApi, receiver: Receiver) -> None:
    await prepare(receiver.url)
    run_id = await a_deployed_run(prefect_api)
    state = {"type": "FAILED", "message": "MissingStage: nothing has landed"}
    eventually(lambda: is_told_of(prefect_api, run_id, state, receiver))
    told = receiver.hears("MissingStage: nothing has landed")
    assert told["title"] == "feedback: a run failed"
    assert told["message"].startswith("fails (")
    assert f"{prefect_api.url.removesuffix('/api')}/v2/runs/flow-run/{run_id}" in told["message"]


def is_told_of(api: PrefectApi, run_id: str, state: dict[str, Any], receiver: Receiver) -> bool:
    """Fail the run once more: what happens before the server has taken a new automation in, that does not see."""
    api.call("POST", f"flow_runs/{run_id}/set_state", {"state": state, "force": True})
    return any("MissingStage" in str(each) for each in receiver.told)


async def test_promotion_is_told(prefect_api: PrefectApi, receiver: Receiver) -> None:
    await prepare(receiver.url)

    def promoted() -> bool:
        tell_promoted("m1", "promote: epoch-2 is better")
        return any("epoch-2 is better" in str(each) for each in receiver.told)

    eventually(promoted)
    assert receiver.hears("epoch-2 is better")["title"] == "feedback: a new champion"


async def test_data_that_waits_is_told_with_its_reason(
    prefect_api: PrefectApi, receiver: Receiver, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    land_demo(store, settings.home, 4)
    await prepare(receiver.url)
    await retrain("embedded", "embedded")
    assert receiver.hears("not retrained", "split would be empty")


async def test_url_is_kept_in_the_block_alone(prefect_api: PrefectApi, receiver: Receiver) -> None:
    """Encrypted there: neither the API nor the database tells it."""
    await prepare(receiver.url)
    everything = [prefect_api.call("POST", f"{kind}/filter", {}) for kind in ("block_documents", "automations")]
    everything.append(prefect_api.call("GET", f"block_types/slug/slack-webhook/block_documents/name/{BLOCK}"))
    assert BLOCK in json.dumps(everything)
    assert TOKEN not in json.dumps(everything)


async def test_without_the_setting_nothing_is_told_any_more(prefect_api: PrefectApi, receiver: Receiver) -> None:
    assert len(await prepare(receiver.url)) == 4
    assert await prepare(None) == []
    assert "tell of" not in json.dumps(prefect_api.call("POST", "automations/filter", {}))
    assert BLOCK not in json.dumps(prefect_api.call("POST", "block_documents/filter", {}))


async def test_what_is_no_such_url_is_refused(prefect_api: PrefectApi) -> None:
    """Without being repeated, since it holds a secret."""
    with pytest.raises(ConfigurationError, match="FEEDBACK_NOTIFY_URL is no URL that Apprise knows") as refused:
        await prepare(f"nonsense://{TOKEN}")
    assert TOKEN not in str(refused.value)


def test_setting_of_up_makes_the_automations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """As `up` prepares its server: in a process of its own, which finds the URL in its environment."""
    (tmp_path / "prefect").mkdir()
    with prefect_api_running(tmp_path / "prefect") as api:
        environment = {
            "PREFECT_API_URL": api.url,
            "PREFECT_API_AUTH_STRING": api.secret,
            "FEEDBACK_HOME": str(tmp_path),
        }
        for name, value in (environment | {"FEEDBACK_NOTIFY_URL": receiver.url}).items():
            monkeypatch.setenv(name, value)
        prepare_server({}, tmp_path / "preparation.log")
        assert "tell of failed runs" in json.dumps(api.call("POST", "automations/filter", {}))
        monkeypatch.setenv("FEEDBACK_NOTIFY_URL", f"nonsense://{TOKEN}")
        with pytest.raises(ConfigurationError, match="no URL that Apprise knows"):
            prepare_server({}, tmp_path / "preparation.log")
    assert TOKEN not in (tmp_path / "preparation.log").read_text()


def test_setting_is_not_shown(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, notify_url=SecretStr(f"slack://{TOKEN}"), _env_file=None)
    (shown,) = [each for each in describe_settings(settings) if each.name == "FEEDBACK_NOTIFY_URL"]
    assert shown.value == "set, not shown"
    assert TOKEN not in repr(settings)
