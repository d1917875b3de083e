"""Datasette over the results, for whoever has the link: no other user of this machine, and no page of another origin.

The link's path holds a secret that is made at each start, so that nothing has to be typed and no cookie is set, which every
port of this machine would be sent.
"""

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.local.server import listening
from feedback_model.serving.request_errors import RequestError
from feedback_model.serving.senders import UNFRAMED, check_sender, host_names, with_headers
from feedback_model.serving.token_file import new_secret

HOST: Final = "127.0.0.1"
_LIMITS: Final = {"sql_time_limit_ms": 10_000, "max_returned_rows": 10_000}
_HEADERS: Final = UNFRAMED | {"content-security-policy": "frame-ancestors 'none'"}


def show_database(path: Path, port: int, tell: Callable[[str], None]) -> None:
    """Answer at `port` until a signal.

    Datasette opens a file read-only unless a plugin asks to write. It is not told that the file is immutable: it would then
    overlook what stands in the write-ahead log, and what is written while it runs.

    Args:
        tell: hears the link, once it is answered.

    Raises:
        ConfigurationError: the port cannot be used.
    """
    import asyncio

    import uvicorn
    from datasette.app import Datasette

    prefix = f"/{new_secret()}/"
    datasette: Any = Datasette([str(path)], settings={**_LIMITS, "base_url": prefix})
    asyncio.run(datasette.invoke_startup())
    guarded = LinkGuard(datasette.app(), prefix)
    config = uvicorn.Config(guarded, log_level="warning", access_log=False, server_header=False)
    with listening(port) as listener:
        tell(f"http://{HOST}:{port}{prefix}")
        uvicorn.Server(config).run(sockets=[listener])


class LinkGuard:
    """ASGI middleware that answers under one prefix alone."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """Guard `app`, which puts the prefix before its links by itself."""
        self._app, self._prefix, self._names = app, prefix, host_names(HOST, ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        app = self._app
        try:
            check_sender(HTTPConnection(scope), self._names, lambda _: True)
            scope = {
                **scope,
                "path": self._path_within(scope["path"]),
                "raw_path": self._path_within(_raw(scope)).encode(),
            }
        except RequestError as error:
            app = error.response()
        await app(scope, receive, with_headers(send, _HEADERS))

    def _path_within(self, path: str) -> str:
        begins = path[: len(self._prefix)].encode()
        if not hmac.compare_digest(begins, self._prefix.encode()):
            raise RequestError(403, "open the link that `feedback results browse` printed", "no_link")
        return path[len(self._prefix) - 1 :]


def _raw(scope: Scope) -> str:
    return scope["raw_path"].decode("latin-1")
