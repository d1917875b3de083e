"""Who may speak to the server: whoever has its token, under a name of this machine, and no page of another origin.

A browser sends along what it has for 127.0.0.1 whoever asks it to, and a name that somebody else owns may be made to point there
(DNS rebinding). So the `Host` must be known, an `Origin` must be the very page's, and the token is wanted besides.
"""

import hmac
import os
import secrets
import socket
import stat
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feedback_model.errors import ConfigurationError
from feedback_model.serving.request_errors import RequestError

_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def read_token(home: Path) -> str:
    """Return the token of the servers of this home folder; the first of them makes it, and only its owner can read it.

    Raises:
        ConfigurationError: others can read it, or it cannot be read or made.
    """
    file = home / "serve" / "token"
    try:
        if not file.exists():
            _make_token(file)
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ConfigurationError(
                f"others can read the token in {file}; run `chmod 600 {file}`, or delete it to have a new one made"
            )
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the token in {file} cannot be read or made ({error}); make its folder yours"
        ) from error
    if len(token) < 32:
        raise ConfigurationError(f"the token in {file} is too short; delete it to have a new one made")
    return token


def _make_token(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(draft, file)  # complete, or not there; of two servers that start at once one comes first
    except FileExistsError:
        pass
    finally:
        draft.unlink()


@dataclass(frozen=True, slots=True)
class HostNames:
    """Names under which a server may be asked."""

    loopback_only: bool
    names: frozenset[str]

    def include(self, host: str) -> bool:
        """Tell whether `host`, as a `Host` header has it, is one of them or an address, which nobody can rebind."""
        name = _name_of(host)
        try:
            address = ip_address(name)
        except ValueError:
            return name in self.names
        return address.is_loopback or not self.loopback_only


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def host_names(bound_to: str, others: Collection[str]) -> HostNames:
    """Return the names of a server that is `bound_to` an address or name, and is reached by `others` too."""
    loopback_only = bound_to in {"localhost", "::1"} or bound_to.startswith("127.")
    own = set() if loopback_only else {socket.gethostname().lower(), bound_to.lower()}
    return HostNames(loopback_only, frozenset({"localhost", *own, *(name.lower() for name in others)}))


class Access:
    """The rules by which a request is let in."""

    def __init__(self, token: str, names: HostNames, port: int) -> None:
        """Let in who has `token` and asks under one of `names`."""
        self._token, self._names = token.encode(), names
        self._session = hmac.new(self._token, b"page", sha256).hexdigest()
        self.cookie = f"feedback-{port}"
        """Cookies are shared by all ports of a host, so each server has its own."""

    def has_token(self, given: str) -> bool:
        """Tell whether `given` is the token."""
        return hmac.compare_digest(given.encode(), self._token)

    @property
    def session(self) -> str:
        """What a browser keeps in the token's place: of use with this page alone, should another server on this host see it."""
        return self._session

    def has_session(self, request: HTTPConnection) -> bool:
        """Tell whether a browser was let in by the link."""
        return hmac.compare_digest(request.cookies.get(self.cookie, "").encode(), self._session.encode())

    def check_sender(self, request: HTTPConnection) -> None:
        """Refuse names that are not this server's, and requests that pages of other origins make.

        Raises:
            RequestError: it is one of these.
        """
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not self._names.include(host):
            raise RequestError(
                403,
                f"this server does not answer as {host!r}; FEEDBACK_SERVE_HOSTS lists further names",
                "unknown_host",
            )
        is_visit = request.scope["path"] == "/" and request.headers.get("sec-fetch-mode") == "navigate"
        from_elsewhere = request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not is_visit
        if from_elsewhere or (origin is not None and _authority(origin) != host):
            raise RequestError(403, "pages of other origins are not answered", "other_origin")

    def check_key(self, request: HTTPConnection) -> None:
        """Refuse who has neither the token nor, from this very page, its cookie.

        Raises:
            RequestError: neither is there.
        """
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.has_token(given.strip()):
            return
        changes = request.scope["method"] not in {"GET", "HEAD"}
        if self.has_session(request) and not (changes and "origin" not in request.headers):
            return
        raise RequestError(
            401,
            "the token is missing or wrong; send the one in serve/token of the home folder as a bearer token",
            "no_token",
        )


def _authority(origin: str) -> str:
    scheme, _, authority = origin.partition("://")
    return authority if scheme in {"http", "https"} else ""


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
        await app(scope, receive, _hardened(send))


def _hardened(send: Send) -> Send:
    extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *extra]
        await send(message)

    return send_with_headers
