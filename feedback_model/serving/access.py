"""Who may speak to the server: whoever has its token, under a name of this machine, and no page of another origin."""

import hmac
from collections.abc import Collection
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from feedback_model.serving.request_errors import RequestError
from feedback_model.serving.senders import UNFRAMED, HostNames, check_sender, with_headers

_HEADERS: Final = UNFRAMED | {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
}


class Access:
    """The rules by which a request is let in."""

    def __init__(self, token: str, names: HostNames) -> None:
        """Let in who has `token` and asks under one of `names`."""
        self._token, self._names = token.encode(), names

    def check_sender(self, request: HTTPConnection) -> None:
        """Refuse what is not asked of this server, or is asked by a page of another origin.

        Raises:
            RequestError: it is one of these.
        """
        check_sender(request, self._names, lambda path: path == "/")

    def check_key(self, request: HTTPConnection) -> None:
        """Refuse who does not have the token.

        Raises:
            RequestError: it is missing or wrong.
        """
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise RequestError(
                401,
                "the token is missing or wrong; send the one in serve/token of the home folder as a bearer token",
                "no_token",
            )


class Guard:
    """ASGI middleware that applies `Access`, and puts the headers on every response that keep a browser from doing more."""

    def __init__(self, app: ASGIApp, access: Access, open_paths: Collection[str]) -> None:
        """Guard `app`, of which `open_paths` are answered without a token."""
        self._app, self._access, self._open = app, access, frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        request, app = HTTPConnection(scope), self._app
        try:
            self._access.check_sender(request)
            if scope["path"] not in self._open:
                self._access.check_key(request)
        except RequestError as error:
            app = error.response()
        await app(scope, receive, with_headers(send, _HEADERS))
