"""A `PREFECT_API_URL` that leads to no Prefect API is told in one sentence, at once where waiting would not help."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deployments.local import server
from deployments.local.server import wait_for_answer
from feedback_model.errors import ConfigurationError
from tests.ports import free_port


@pytest.fixture
def answering() -> Iterator[Callable[[int, str], str]]:
    """Makes a web server that gives every question one status and type; returns its URL."""
    servers: list[HTTPServer] = []

    def make(status: int, kind: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/api"

    yield make
    for each in servers:
        each.shutdown()
        each.server_close()


def test_dead_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "AWAY_SECONDS", 0.0)
    url = f"http://127.0.0.1:{free_port()}/api"
    with pytest.raises(
        ConfigurationError, match=f"no Prefect server answers at {url}; start it, or unset PREFECT_API_URL"
    ):
        wait_for_answer(url)


@pytest.mark.parametrize("url", ["127.0.0.1:4200/api", "prefect", "ftp://host/api", "http:///api"])
def test_what_is_no_url_is_told_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"PREFECT_API_URL is no URL: .*; set it to one such as"):
        wait_for_answer(url)


@pytest.mark.parametrize(("status", "kind"), [(404, "application/json"), (200, "text/html; charset=utf-8")])
def test_another_server_is_told_at_once(status: int, kind: str, answering: Callable[[int, str], str]) -> None:
    with pytest.raises(ConfigurationError, match=r"is no Prefect API; its URL ends in /api, correct"):
        wait_for_answer(answering(status, kind))


@pytest.mark.parametrize(("status", "kind"), [(200, "application/json"), (401, "text/html"), (501, "text/html")])
def test_any_other_answer_ends_the_wait(status: int, kind: str, answering: Callable[[int, str], str]) -> None:
    wait_for_answer(answering(status, kind))
