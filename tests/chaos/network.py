"""A way to PostgreSQL that can be cut: nothing arrives any more, and nothing is refused, as where a cable was pulled."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer


@dataclass
class Way:
    """A port of 127.0.0.1 that leads to a Unix socket."""

    port: int = 0
    _is_open: threading.Event = field(default_factory=threading.Event)

    def cut(self) -> None:
        """Hold back what is sent, and leave new connections without an answer."""
        self._is_open.clear()

    def mend(self) -> None:
        """Let everything pass, what was held back first."""
        self._is_open.set()

    def pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        """Hand over what comes from `source`, until it ends."""
        with suppress(OSError):
            while data := source.recv(65_536):
                self._is_open.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def wait(self) -> None:
        """Wait until something may pass."""
        self._is_open.wait()


@contextmanager
def way_to(path: Path) -> Generator[Way]:
    """Lead to the Unix socket at `path` during the block."""
    way = Way()
    way.mend()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            way.wait()
            with socket.socket(socket.AF_UNIX) as server, suppress(OSError):
                server.connect(str(path))
                back = threading.Thread(target=way.pass_on, args=(server, self.request), daemon=True)
                back.start()
                way.pass_on(self.request, server)
                back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        way.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield way
        server.shutdown()
