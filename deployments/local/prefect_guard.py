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
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feedback_model.errors import ConfigurationError
from feedback_model.serving.request_errors import RequestError
from feedback_model.serving.senders import UNFRAMED, HostNames, check_sender, with_headers

USER: Final = "feedback"
"""Prefect's basic authentication wants a name before the secret."""
ENTRY: Final = "/enter"
"""Where a person comes in, with the token behind a `#`, which browsers keep to themselves."""
_HEADERS: Final = UNFRAMED | {"content-security-policy": "frame-ancestors 'none'"}
_ENTRY_SCRIPT: Final = f"""
const token = location.hash.slice(1);
if (token) {{
  localStorage.setItem("prefect-password", btoa("{USER}:" + token));
  location.replace("/v2/deployments");
}}
"""  # the UI looks for its credentials there, which no other port of this host can read, as it could a cookie
_ENTRY_PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Come in by the link</title>
<p>Open the link that <code>feedback up</code> printed; <code>feedback token</code> prints it again.</p>
<script>{_ENTRY_SCRIPT}</script>
</html>
"""


class PrefectGuard:
    """ASGI middleware before Prefect's application."""

    def __init__(self, app: ASGIApp, secret: str, names: HostNames, token: Callable[[], str] | None) -> None:
        """Guard `app`.

        Args:
            secret: by which Prefect lets in, `user:password`.
            token: reads a person's token; None where no person is to come in.
        """
        self._app, self._secret, self._names, self._token = app, secret, names, token
        self._header = f"Basic {base64.b64encode(secret.encode()).decode()}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, answer it, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        app: ASGIApp = self._app
        try:
            check_sender(HTTPConnection(scope), self._names, _is_page)
            if self._token and scope["type"] == "http" and scope["path"] == ENTRY:
                app = HTMLResponse(_ENTRY_PAGE, headers={"cache-control": "no-store"})
            elif self._token:
                scope, receive = self._as_secret(scope), self._as_secret_in_messages(scope, receive)
        except RequestError as error:
            app = error.response()
        await app(scope, receive, with_headers(send, _HEADERS))

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

    def _as_secret_in_messages(self, scope: Scope, receive: Receive) -> Receive:
        """The same where a WebSocket's first message is what lets it in."""
        if scope["type"] != "websocket":
            return receive

        async def receive_translated() -> Message:
            message = await receive()
            said = _authentication(message)
            if said and self._stands_for_secret(said["token"]):
                return {"type": "websocket.receive", "text": json.dumps(said | {"token": self._secret})}
            return message

        return receive_translated


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
