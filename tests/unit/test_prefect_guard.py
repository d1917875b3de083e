"""What stands before Prefect lets in its own processes and who has the token, and nobody's page."""

import asyncio
import base64
import json
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from deployments.local.prefect_guard import HEALTH, METRICS, PrefectGuard
from feedback_model.errors import ConfigurationError
from feedback_model.serving.senders import host_names

SECRET, TOKEN = "feedback:of-this-start", "of-a-person"


class Prefect:
    """What stands behind the guard: it keeps what reaches it."""

    authorization: str | None = None
    first_message: Message | None = None
    was_reached = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.was_reached = True
        self.authorization = HTTPConnection(scope).headers.get("authorization")
        if scope["type"] == "websocket":
            self.first_message = await receive()
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOW")]})
            await send({"type": "http.response.body", "body": b"{}"})


def ask(
    path: str = "/api/flows/filter",
    kind: str = "http",
    said: Any = None,
    token: Any = lambda: TOKEN,
    service: Any = None,
    **headers: str,
) -> tuple[Prefect, list[Message]]:
    """What comes of a request: what Prefect saw, and what was sent back."""
    prefect, sent = Prefect(), list[Message]()
    given = {"host": "127.0.0.1:4200"} | {name.replace("_", "-"): text for name, text in headers.items()}
    scope = {
        "type": kind,
        "path": path,
        "method": "POST",
        "headers": [(name.encode(), text.encode()) for name, text in given.items()],
        "extensions": {"websocket.http.response": {}},
    }

    async def receive() -> Message:
        return {"type": "websocket.receive", "text": json.dumps(said)}

    async def send(message: Message) -> None:
        sent.append(dict(message))

    guard = PrefectGuard(prefect, SECRET, host_names("127.0.0.1", ["feedback.example"]), token, service)
    asyncio.run(guard(scope, receive, send))
    return prefect, sent


def basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


@pytest.mark.parametrize("given", [basic(f"feedback:{TOKEN}"), basic(TOKEN), f"Bearer {TOKEN}", basic(SECRET)])
def test_token_counts_as_the_secret(given: str) -> None:
    prefect, _ = ask(authorization=given)
    assert prefect.authorization == basic(SECRET)


@pytest.mark.parametrize("given", [basic("feedback:wrong"), "Basic %%%", "Bearer", "", basic("feedback:"), basic("ÿ")])
def test_anything_else_reaches_prefect_as_it_is(given: str) -> None:
    """Which refuses it."""
    prefect, _ = ask(authorization=given)
    assert prefect.authorization == given


def test_token_counts_in_the_first_message_of_a_socket() -> None:
    prefect, _ = ask("/api/events/out", "websocket", {"type": "auth", "token": TOKEN})
    assert prefect.first_message == {
        "type": "websocket.receive",
        "text": json.dumps({"type": "auth", "token": SECRET}),
    }
    prefect, _ = ask("/api/events/out", "websocket", {"type": "auth", "token": "wrong"})
    assert prefect.first_message is not None
    assert "wrong" in prefect.first_message["text"]


def test_socket_of_a_former_token_is_closed() -> None:
    """At the next word, whoever says it; nothing of that is passed on."""
    tokens, sent, heard = [TOKEN], [], []  # type: tuple[list[str], list[Message], list[Message]]

    async def prefect(_scope: Any, receive: Any, send: Any) -> None:
        heard.append(await receive())
        await send({"type": "websocket.send", "text": "welcome"})
        tokens[0] = "another"
        heard.append(await receive())
        await send({"type": "websocket.send", "text": "an event"})

    async def receive() -> Message:
        return {"type": "websocket.receive", "text": json.dumps({"type": "auth", "token": TOKEN})}

    async def send(message: Message) -> None:
        sent.append(message)

    guard = PrefectGuard(prefect, SECRET, host_names("127.0.0.1", []), lambda: tokens[0])
    scope = {"type": "websocket", "path": "/api/events/in", "headers": [(b"host", b"127.0.0.1:4200")]}
    asyncio.run(guard(scope, receive, send))
    assert heard[1] == {"type": "websocket.disconnect", "code": 1008}
    assert [message["type"] for message in sent] == ["websocket.send", "websocket.close"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example:4200"},
        {"origin": "http://127.0.0.1:9"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate"},
    ],
)
def test_foreign_names_and_pages_reach_nothing(kind: str, headers: dict[str, str]) -> None:
    prefect, sent = ask(kind=kind, authorization=basic(SECRET), **headers)
    assert not prefect.was_reached
    assert sent[0].get("status", sent[0]["type"]) == {"http": 403, "websocket": "websocket.close"}[kind]


def test_name_of_a_proxy_is_known_when_told() -> None:
    prefect, _ = ask(host="feedback.example", origin="https://feedback.example")
    assert prefect.was_reached


def test_answers_cannot_be_framed() -> None:
    _, sent = ask()
    headers = dict(sent[0]["headers"])
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert len(sent[0]["headers"]) == len({name.lower() for name, _ in sent[0]["headers"]})


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/docs", "/openapi.json"])
def test_pages_with_scripts_from_elsewhere_are_not_shown(path: str) -> None:
    prefect, sent = ask(path)
    assert not prefect.was_reached
    assert sent[0]["status"] == 404


@pytest.mark.parametrize(
    "host",
    ["evil@127.0.0.1", "127.0.0.1,evil.com", "127.0.0.1:4200/evil", "127.0.0.1:4200#x", "127.0.0.1:1:2", "", "[::1"],
)
def test_odd_spellings_of_a_host_are_refused(host: str) -> None:
    prefect, _ = ask(host=host, authorization=basic(SECRET))
    assert not prefect.was_reached


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:4200", "[::1]:4200", "LOCALHOST", "127.0.0.2:1"])
def test_own_names_are_answered(host: str) -> None:
    assert ask(host=host)[0].was_reached


def test_token_file_that_others_read_lets_nobody_in() -> None:
    def read() -> str:
        raise ConfigurationError("others can read it")

    prefect, _ = ask(authorization=basic(TOKEN), token=read)
    assert prefect.authorization == basic(TOKEN)


def test_nobody_comes_in_where_no_person_should() -> None:
    """A command's own server has no token and no page."""
    prefect, _ = ask("/enter", authorization=basic(TOKEN), token=None)
    assert prefect.was_reached
    assert prefect.authorization == basic(TOKEN)


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """What answers in the service's place."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"told"})


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        (HEALTH, "", 200),
        (METRICS, "", 401),
        (METRICS, basic("feedback:wrong"), 401),
        (METRICS, f"Bearer {TOKEN}", 200),
        (METRICS, basic(f"feedback:{TOKEN}"), 200),
        (METRICS, basic(SECRET), 200),
    ],
)
def test_health_is_open_and_figures_are_not(path: str, given: str, status: int) -> None:
    _, sent = ask(path, service=tell, authorization=given)
    assert sent[0]["status"] == status


def test_figures_are_for_no_other_page() -> None:
    _, sent = ask(METRICS, service=tell, authorization=basic(SECRET), origin="http://127.0.0.1:9")
    assert sent[0]["status"] == 403


def test_server_of_a_command_tells_nothing_of_the_service() -> None:
    prefect, _ = ask(METRICS, authorization=basic(SECRET))
    assert prefect.was_reached
