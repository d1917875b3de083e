"""What stands before a Prefect server: who may speak to it, and how a person comes in.

Whoever may speak to a Prefect API can have any command run, and Prefect's own answers every origin and every name. Here pages
of other origins and names of other hosts are refused, no page can be framed, and Prefect's basic authentication is on, with a
secret that a start of the service makes and gives to its own processes. A person's token, which lies in a file and may be made
anew at any time, counts as that secret.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from feedback_model.errors import ConfigurationError
from feedback_model.serving.request_errors import RequestError
from feedback_model.serving.senders import UNFRAMED, HostNames, check_sender, with_headers

USER: Final = "feedback"
"""Prefect's basic authentication wants a name before the secret."""
ENTRY: Final = "/enter"
"""Where a person comes in, with the token behind a `#`, which browsers keep to themselves."""
HEALTH: Final = "/health"
METRICS: Final = "/metrics"
_POLICY: Final = {
    "default-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"""What a page of this server may load and do: Prefect's UI asks elsewhere for what it does not need."""
_HEADERS: Final = UNFRAMED | {
    "content-security-policy": "; ".join(f"{what} {where}" for what, where in _POLICY.items())
}
_CLOSED: Final = frozenset(
    f"{where}/{name}" for where in ("", "/api") for name in ("docs", "redoc", "docs/oauth2-redirect", "openapi.json")
)
"""Pages that load scripts from elsewhere, which could read what the UI keeps, and what only they need."""
_SCRIPT: Final = f"{ENTRY}.js"
_ENTRY_SCRIPT: Final = f"""
const credentials = btoa("{USER}:" + location.hash.slice(1));
history.replaceState(null, "", location.pathname);
fetch("/api/admin/version", {{ headers: {{ authorization: "Basic " + credentials }} }}).then((response) => {{
  if (response.ok) {{
    localStorage.setItem("prefect-password", credentials);
    location.replace("/v2/deployments");
  }}
}});
"""  # the UI looks for its credentials there, which no other port of this host can read, as it could a cookie
_ENTRY_PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Come in by the link</title>
<p>Open the link that <code>feedback up</code> printed; <code>feedback token</code> prints it again.</p>
<script src="{_SCRIPT}"></script>
</html>
"""


class PrefectGuard:
    """ASGI middleware before Prefect's application."""

    def __init__(
        self,
        app: ASGIApp,
        secret: str,
        names: HostNames,
        token: Callable[[], str] | None,
        service: ASGIApp | None = None,
    ) -> None:
        """Guard `app`.

        Args:
            secret: by which Prefect lets in, `user:password`.
            token: reads a person's token; None where no person is to come in.
            service: answers at `HEALTH`, and at `METRICS` whom Prefect would let in; None where neither is told.
        """
        self._app, self._secret, self._names, self._token, self._service = app, secret, names, token, service
        self._header = f"Basic {base64.b64encode(secret.encode()).decode()}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, answer it, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        app: ASGIApp = self._app
        try:
            check_sender(HTTPConnection(scope), self._names, _is_page)
            if scope["path"] in _CLOSED:
                raise RequestError(404, "pages that load scripts from elsewhere are not shown", "closed")
            if self._token and scope["type"] == "http" and scope["path"] in {ENTRY, _SCRIPT}:
                app = _entry(scope["path"])
            elif self._token:
                scope = self._as_secret(scope)
                if scope["type"] == "websocket":
                    conversation = _Conversation(receive, send, self._secret, self._stands_for_secret)
                    receive, send = conversation.receive, conversation.send
            if self._service and scope["type"] == "http" and scope["path"] in {HEALTH, METRICS}:
                app = self._of_service(scope)
        except RequestError as error:
            # uvicorn logs an error of its own for a WebSocket that is refused by an answer with words
            app = error.response() if scope["type"] == "http" else WebSocketClose(WS_1008_POLICY_VIOLATION)
        await app(scope, receive, with_headers(send, _HEADERS))

    def _of_service(self, scope: Scope) -> ASGIApp:
        if scope["path"] == METRICS and dict(scope["headers"]).get(b"authorization") != self._header:
            raise RequestError(401, "figures want the token, as `Authorization: Bearer` or as a password", "no_token")
        return self._service or self._app

    def _stands_for_secret(self, credentials: str) -> bool:
        given = credentials.rpartition(":")[2].strip().encode()
        try:
            return self._token is not None and hmac.compare_digest(given, self._token().encode())
        except ConfigurationError:  # nobody comes in by a file that is not as it should be; `feedback token` says so
            return False

    def _as_secret(self, scope: Scope) -> Scope:
        """Put the secret in the place of a person's token in the header."""
        headers = [
            (name, self._translated(value) if name == b"authorization" else value) for name, value in scope["headers"]
        ]
        return {**scope, "headers": headers}

    def _translated(self, header: bytes) -> bytes:
        kind, _, given = header.partition(b" ")
        if header == self._header:
            return header
        try:
            credentials = (
                base64.b64decode(given, validate=True).decode() if kind.lower() == b"basic" else given.decode()
            )
        except (binascii.Error, UnicodeDecodeError):
            return header
        return self._header if self._stands_for_secret(credentials) else header


class _Conversation:
    """A WebSocket whose first message may have a person's token, which counts as the secret for as long as it lets in."""

    def __init__(self, receive: Receive, send: Send, secret: str, stands_for_secret: Callable[[str], bool]) -> None:
        self._receive, self._send = receive, send
        self._secret, self._stands_for_secret = secret, stands_for_secret
        self._token: str | None = None
        self._is_over = False

    async def receive(self) -> Message:
        """Pass on what a person says, until their token was made anew."""
        message = await self._receive()
        if self._token is None:
            return self._let_in(message)
        return {"type": "websocket.disconnect", "code": WS_1008_POLICY_VIOLATION} if await self._end() else message

    async def send(self, message: Message) -> None:
        """Pass on what they are told, likewise."""
        if not await self._end():
            await self._send(message)

    def _let_in(self, message: Message) -> Message:
        said = _authentication(message)
        if said is None or not self._stands_for_secret(said["token"]):
            return message
        self._token = said["token"]
        return {"type": "websocket.receive", "text": json.dumps(said | {"token": self._secret})}

    async def _end(self) -> bool:
        """Close it where the token that was given lets nobody in any more; tell whether it is over."""
        if self._token is not None and not self._is_over and not self._stands_for_secret(self._token):
            self._is_over = True
            await self._send({"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION})
        return self._is_over


def _entry(path: str) -> Response:
    content, kind = (_ENTRY_PAGE, "text/html") if path == ENTRY else (_ENTRY_SCRIPT, "text/javascript")
    return Response(content, headers={"cache-control": "no-store"}, media_type=kind)


def _is_page(path: str) -> bool:
    return path != "/api" and not path.startswith("/api/")


def _authentication(message: Message) -> dict[str, Any] | None:
    text = message.get("text") or ""
    if message["type"] != "websocket.receive" or '"auth"' not in text[:1_000]:
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return None
    is_one = isinstance(said, dict) and said.get("type") == "auth" and isinstance(said.get("token"), str)
    return said if is_one else None
