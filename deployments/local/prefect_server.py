"""A Prefect server that is guarded: `python -m deployments.local.prefect_server FILE_NUMBER`, of a socket that listens.

In a container it listens by itself (`--bind 0.0.0.0:4200`) and leaves the background services to another one (`--web-only`).

Its SQLite transactions wait for each other. Prefect 3.8 begins them DEFERRED. One that reads before it writes then fails at once
with "database is locked" when another wrote in between, whatever the busy timeout. Under load that was seen to lose events, and
with them the resumption of crashed runs. IMMEDIATE transactions queue for up to a minute instead. On PostgreSQL nothing changes.
"""

import argparse
import logging
import os
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.local.prefect_guard import PrefectGuard
from deployments.local.server import PrefectServer
from deployments.local.service_endpoints import ServiceEndpoints
from deployments.local.service_figures import read_service_figures
from feedback_model.serving.senders import host_names
from feedback_model.serving.token_file import read_token
from feedback_model.settings import Settings

if TYPE_CHECKING:
    from docket import Docket

HOST = "127.0.0.1"
_SECOND = timedelta(seconds=1)


def adapt() -> None:
    """Change in Prefect what has no setting, for the server or for its background services alone."""
    _queue_transactions()
    _look_once_a_second()
    logging.getLogger("prefect.server.events.actions").addFilter(is_news)


def _queue_transactions() -> None:
    from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration

    def begin_immediately(self: AioSqliteConfiguration, conn: Any) -> None:  # noqa: ARG001 - replaces a method
        if SQLITE_BEGIN_MODE.get() is not None:
            conn.exec_driver_sql("BEGIN IMMEDIATE")

    AioSqliteConfiguration.begin_sqlite_stmt = begin_immediately


def _look_once_a_second() -> None:
    """Let what does the server's regular work look for it once a second.

    By default it looks for work four times a second, and ten times whether somebody has cancelled any, which nothing in Prefect
    does. That was half of what a server at rest costs.
    """
    from docket import Worker
    from prefect.server.api import background_workers

    class PatientWorker(Worker):
        def __init__(self, docket: "Docket") -> None:
            super().__init__(docket, minimum_check_interval=_SECOND, scheduling_resolution=_SECOND)

        async def _cancellation_listener(self) -> None:
            if (session := self._processing_session) is not None:
                session.cancellation_ready.set()
                await session.stopping.wait()

    background_workers.__dict__["Worker"] = PatientWorker  # the name that the server looks up when it starts one


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line is worth a place in the log.

    The first heartbeat of a run travels apart from its states, and arrives after the end of a run of less than a second. Nothing
    follows it, so 90 s later the automation for silent runs finds that this one had ended, and says so.
    """
    return "Run is already in terminal state" not in record.getMessage()


def _service(listener: socket.socket, secret: str) -> ServiceEndpoints:
    """Tell of the service by the figures that `feedback status` reads, this server's own over HTTP as well."""
    settings, itself = Settings(), PrefectServer(f"http://{HOST}:{listener.getsockname()[1]}/api", secret)
    return ServiceEndpoints(lambda: read_service_figures(settings, itself))


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("listener", type=int, nargs="?", help="number of an open socket that listens")
    where.add_argument("--bind", type=_address, metavar="ADDRESS:PORT", help="where to listen instead")
    parser.add_argument("--web-only", action="store_true", help="leave scheduling and automations to another process")
    parser.add_argument("--token-file", type=Path, help="holds the token of a person who may come in")
    parser.add_argument(
        "--name", action="append", default=[], help="under which it is reached beside this machine's own"
    )
    return parser.parse_args()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no address and port, such as 0.0.0.0:4200")
    return host, int(port)


def _listener(arguments: argparse.Namespace) -> socket.socket:
    return socket.create_server(arguments.bind) if arguments.bind else socket.socket(fileno=arguments.listener)


def main() -> None:
    """Serve until a signal."""
    arguments = _read_arguments()
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    adapt()
    if arguments.web_only:
        # As Prefect says `--no-services` itself. By an argument, its clients in this process would make another application.
        os.environ["PREFECT__SERVER_WEBSERVER_ONLY"] = "1"
    told = get_current_settings().server
    secret = told.api.auth_string
    if secret is None:
        sys.exit("PREFECT_SERVER_API_AUTH_STRING is not set: this server is not opened to everybody on the machine")
    token = (lambda: read_token(arguments.token_file)) if arguments.token_file else None
    listener, names = _listener(arguments), host_names(arguments.bind[0] if arguments.bind else HOST, arguments.name)
    service = _service(listener, secret.get_secret_value()) if token else None
    config = uvicorn.Config(
        PrefectGuard(create_app(final=True), secret.get_secret_value(), names, token, service),
        timeout_keep_alive=told.api.keepalive_timeout,
        ws_ping_interval=told.api.websocket_ping_interval,
        ws_ping_timeout=told.api.websocket_ping_timeout,
        log_level=told.logging_level.lower(),
        server_header=False,
    )
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
