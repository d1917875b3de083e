"""Who is asked through a proxy and who is not, seen at the proxy; and whose certificates are believed, seen at the handshake."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from deployments.local.server import is_healthy, serving, wait_for_answer
from feedback_model.errors import LabellerError
from feedback_model.labelling.labeller import open_labeller
from feedback_model.labelling.retries import RetryLimits
from feedback_model.network import network_environment
from feedback_model.settings import Settings
from tests.labelling_rig import settings_for
from tests.openai_rig.process import serving as labelling_endpoint
from tests.proxy import Proxy, proxying

AT_ONCE = RetryLimits(first_contact=0.0)
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def _deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority() -> trustme.CA:
    """A company's own certificate authority."""
    return trustme.CA()


@pytest.fixture
def secure_port(authority: trustme.CA) -> Iterator[int]:
    """A web server with a certificate of that authority, which has models and knows nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"data": [{"id": "embedded-rubric-3"}], "id": "a/b", "siblings": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("labels.example", "hub.example").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] - a refused handshake is no news
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def use(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in proxy.environment().items():
        monkeypatch.setenv(name, value)


def bundle_of(authority: trustme.CA, folder: Path) -> str:
    authority.cert_pem.write_to_path(str(folder / "company.pem"))
    return str(folder / "company.pem")


def ask_for_models(settings: Settings) -> None:
    async def ask() -> None:
        async with open_labeller("openai", settings, AT_ONCE):
            pass

    asyncio.run(ask())


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_endpoint_is_asked_through_the_proxy(
    name: str, authority: trustme.CA, secure_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the company's certificates, under either name, and not without."""
    settings = settings_for(tmp_path, "https://labels.example/v1")
    with proxying(secure_port) as proxy:
        use(proxy, monkeypatch)
        with pytest.raises(LabellerError, match=r"cannot be reached at https://labels\.example/v1"):
            ask_for_models(settings)
        given = {name: bundle_of(authority, tmp_path)}
        for variable, value in (given | network_environment(given)).items():
            monkeypatch.setenv(variable, value)
        ask_for_models(settings)
    assert set(proxy.asked) == {"CONNECT labels.example:443 HTTP/1.1"}


def test_hub_is_asked_through_the_proxy(authority: trustme.CA, secure_port: int, tmp_path: Path) -> None:
    code = "from huggingface_hub import HfApi; print(HfApi(endpoint='https://hub.example', token=False).model_info('a/b').id)"
    with proxying(secure_port) as proxy:
        given = {**os.environ, **proxy.environment(), "REQUESTS_CA_BUNDLE": bundle_of(authority, tmp_path)}
        assert said_by(code, given) == "a/b\n"
    assert "CONNECT hub.example:443 HTTP/1.1" in proxy.asked


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_endpoint_on_loopback_is_asked_directly(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with labelling_endpoint() as url, proxying() as proxy:
        use(Proxy(proxy.url.replace("http", scheme)), monkeypatch)
        ask_for_models(settings_for(tmp_path, url))
        ask_for_models(settings_for(tmp_path, url.replace("127.0.0.1", "localhost")))
    assert proxy.asked == []


PREFECT_CALLS = """
import asyncio
from prefect import get_client
from prefect.events.clients import PrefectEventsClient

async def main():
    async with get_client() as client:
        assert await client.api_healthcheck() is None
    async with PrefectEventsClient():
        print("connected")

asyncio.run(main())
"""


def test_prefect_on_loopback_is_asked_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By our health check, by Prefect's client, and by its web sockets, in processes that get the environment of ours."""
    ours = {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    with proxying() as proxy:
        use(proxy, monkeypatch)
        with serving(tmp_path / "server.log", ours) as server:
            wait_for_answer(server.api_url)
            assert is_healthy(server.api_url)
            for scheme in ("http", "socks5"):
                use(Proxy(proxy.url.replace("http", scheme)), monkeypatch)
                given = {**os.environ, **ours, **server.environment()}
                assert said_by(PREFECT_CALLS, given) == "connected\n"
    assert proxy.asked == []


def said_by(code: str, given: dict[str, str]) -> str:
    """What `code` prints in a process that gets `given` and what we add to it."""
    command, environment = [sys.executable, "-c", code], given | network_environment(given)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
