"""Whose requests a server of this machine answers: those under a name of its own, from no page of another origin.

A browser sends along what it has for 127.0.0.1 whoever asks it to, and a name that somebody else owns may be made to point there
(DNS rebinding). So the `Host` must be known, and an `Origin` must be the very page's.
"""

import re
import socket
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Message, Send

from feedback_model.serving.request_errors import RequestError

_HOST: Final = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")
UNFRAMED: Final = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Headers by which a browser lets no other origin frame, open or read a page."""


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
    found = _HOST.fullmatch(host)
    return (found["address"] or found["name"]).lower() if found else ""


def host_names(bound_to: str, others: Collection[str]) -> HostNames:
    """Return the names of a server that is `bound_to` an address or name, and is reached by `others` too."""
    loopback_only = bound_to in {"localhost", "::1"} or bound_to.startswith("127.")
    own = set() if loopback_only else {socket.gethostname().lower(), bound_to.lower()}
    return HostNames(loopback_only, frozenset({"localhost", *own, *(name.lower() for name in others)}))


@contextmanager
def held_twin(listener: socket.socket) -> Generator[None]:
    """Keep the port of a listener on 127.0.0.1 from everybody on ::1 as well, without answering there.

    Browsers try ::1 first where they are told `localhost`, and would show another user's page what they keep for ours.

    Raises:
        OSError: somebody else has it.
    """
    address, port = listener.getsockname()[:2]
    if address != "127.0.0.1" or not _has_ipv6():
        yield
        return
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as twin:
        twin.bind(("::1", port))
        yield


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def check_sender(request: HTTPConnection, names: HostNames, is_page: Callable[[str], bool]) -> None:
    """Refuse names that are not this server's, and requests that pages of other origins make.

    Args:
        is_page: tells of which paths a visit may be begun by a link on another page, as it shows what a person then sees.

    Raises:
        RequestError: it is one of these.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not names.include(host):
        raise RequestError(
            403, f"this server does not answer as {host!r}; FEEDBACK_SERVE_HOSTS lists further names", "unknown_host"
        )
    site, mode = (request.headers.get(f"sec-fetch-{name}", "") for name in ("site", "mode"))
    is_visit = mode == "navigate" and request.scope.get("method") == "GET" and is_page(request.scope["path"])
    from_elsewhere = site not in {"", "none", "same-origin"} and not is_visit
    if from_elsewhere or (origin is not None and _authority(origin) != host):
        raise RequestError(403, "pages of other origins are not answered", "other_origin")


def _authority(origin: str) -> str:
    scheme, _, authority = origin.partition("://")
    return authority if scheme in {"http", "https"} else ""


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """Return a `send` that puts `headers` on each response, in the place of others of their names."""
    extra = [(name.encode(), value.encode()) for name, value in headers.items()]
    replaced = {name for name, _ in extra}

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name.lower() not in replaced]
            message["headers"] = [*kept, *extra]
        await send(message)

    return send_with_headers
