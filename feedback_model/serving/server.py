"""A server from its start to its end: it binds, loads, answers, and finishes what is under way before it goes."""

import asyncio
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from feedback_model.errors import ConfigurationError
from feedback_model.inference.models import choose_model
from feedback_model.progress import request_stop
from feedback_model.records.evaluation import Decoding
from feedback_model.serving.access import Access
from feedback_model.serving.application import build_app
from feedback_model.serving.asking import Asking
from feedback_model.serving.champion_watch import ChampionWatch
from feedback_model.serving.job_queue import JobQueue
from feedback_model.serving.metrics import Metrics
from feedback_model.serving.model_worker import ModelWorker, Tell, describe_model
from feedback_model.serving.senders import held_twin, host_names
from feedback_model.serving.token_file import read_token
from feedback_model.settings import Settings
from feedback_model.store.connection import Store

HEADER_SECONDS: Final = 10.0
"""Seconds within which a request must have begun; its body has a limit of its own."""
MOST_CONNECTIONS: Final = 512
_BACKLOG: Final = 1_024


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and what lets a browser in."""

    url: str
    link: str
    """Opens the page; holds the token."""


def serve(
    settings: Settings,
    store: Store,
    host: str,
    port: int,
    model: str | None,
    decoding: Decoding | None,
    tell: Tell,
    on_ready: Callable[[Address], None],
) -> None:
    """Serve until SIGINT or SIGTERM, and then finish what is under way.

    Args:
        model: as `choose_model` takes it; one that is named other than `champion` stays.
        decoding: in place of the model's own.
        tell: hears of what a person should know.
        on_ready: called once a model is loaded.

    Raises:
        MissingStage: there is no such model.
        ConfigurationError: the port or the token cannot be used.
        ModelError: the model cannot be loaded.
        Interrupted: a second signal ended it at once.
    """
    chosen, token = choose_model(store, model), read_token(settings.home / "serve" / "token")
    with _bound(host, port) as listener:
        address = _address(host, listener.getsockname()[1], token)
        tell(f"loading {describe_model(chosen)} ...")
        queue = JobQueue(settings.serve_queue, settings.serve_wait)
        metrics = Metrics(queue)
        server = _Server(tell)
        worker = ModelWorker(
            settings, queue, chosen, decoding, metrics, tell, lambda: on_ready(address), server.begin_to_stop
        )
        access = Access(token, host_names(host, settings.serve_host_names))
        app = build_app(worker, Asking(queue, settings.serve_deadline), access, metrics)
        watch = ChampionWatch(store, model, worker, chosen, tell) if model in (None, "champion") else None
        worker.start()
        if watch:
            watch.start()
        try:
            server.answer(app, listener, settings.serve_deadline)
        finally:
            if watch:
                watch.stop()
            queue.close()
            worker.join()
    if worker.failure:
        raise worker.failure
    tell("stopped; everything that was asked is answered, or was refused with a reason")


@contextmanager
def _bound(host: str, port: int) -> Generator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        try:
            listener = stack.enter_context(socket.create_server((host, port), family=family, backlog=_BACKLOG))
            stack.enter_context(held_twin(listener))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} of {host} cannot be used ({error.strerror or error}); choose another with --port or --host"
            ) from error
        # Inherited by connections; without it an answer may wait 40 ms for the client's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def _address(host: str, port: int, token: str) -> Address:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    url = f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
    return Address(url, f"{url}/#{token}")


class _Server:
    """Uvicorn, with our way of ending."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._uvicorn: _Uvicorn | None = None
        self._is_stopping = False

    def answer(self, app: Any, listener: socket.socket, deadline: float) -> None:
        """Answer until a signal, or `begin_to_stop`, ends it."""
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # what goes wrong is answered, counted, and told by whoever knows why
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=round(deadline) + 5,
        )
        self._uvicorn = _Uvicorn(config, self._tell)
        self._uvicorn.should_exit = self._is_stopping
        self._uvicorn.run(sockets=[listener])

    def begin_to_stop(self) -> None:
        """Take no more requests, and end when those under way are answered; from any thread."""
        self._is_stopping = True
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, tell: Tell) -> None:
        super().__init__(config)
        self._tell = tell

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take signals during the block, and do not raise them again: to be asked to stop is no error."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as its base class
        """Finish at the first signal, end at once at the second."""
        if self.should_exit:
            request_stop()
            self.force_exit = True
        else:
            self._tell("finishing what is under way; once more to end at once")
            self.should_exit = True


class _Connection(H11Protocol):
    """A connection that is closed where nothing is asked on it, however slowly."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._due is not None:
            self._due.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._due is None and self._is_idle():
            self._due = self.loop.call_later(HEADER_SECONDS, self._close_if_idle)
        elif self._due is not None and not self._is_idle():
            self._due.cancel()
            self._due = None

    def _close_if_idle(self) -> None:
        self._due = None
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
