"""A way to PostgreSQL that can be cut: whoever goes it sees connections dropped and refused."""

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
    is_cut: bool = False
    ends: set[socket.socket] = field(default_factory=set[socket.socket])

    def cut(self) -> None:
        """Drop every connection, and take no other."""
        self.is_cut = True
        for end in list(self.ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.is_cut = False


@contextmanager
def way_to(path: Path) -> Generator[Way]:
    """Lead to the Unix socket at `path` during the block."""
    way = Way()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            if way.is_cut:
                return
            with socket.socket(socket.AF_UNIX) as server, suppress(OSError):
                server.connect(str(path))
                way.ends |= {self.request, server}
                back = threading.Thread(target=_pass_on, args=(server, self.request), daemon=True)
                back.start()
                _pass_on(self.request, server)
                back.join()
                way.ends -= {self.request, server}

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        way.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield way
        server.shutdown()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
