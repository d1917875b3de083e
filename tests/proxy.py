"""A proxy that leads wherever a test has its server, and writes down what it was asked for."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer


@dataclass
class Proxy:
    """A proxy under way."""

    url: str
    asked: list[str] = field(default_factory=list)
    """First lines of requests, such as `CONNECT labels.example:443 HTTP/1.1`."""

    def environment(self) -> dict[str, str]:
        """Every variable that names a proxy, and none that makes an exception."""
        named = {f"{kind}_PROXY": self.url for kind in ("HTTP", "HTTPS", "ALL")}
        return named | {name.lower(): url for name, url in named.items()}


@contextmanager
def proxying(to_port: int = 9) -> Generator[Proxy]:
    """Run a proxy on 127.0.0.1 that takes every name for the server on `to_port` of this machine."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            first, headers = self.rfile.readline(), b""
            proxy.asked.append(first.decode().strip())
            while (line := self.rfile.readline()).strip():
                headers += line
            with suppress(OSError), socket.create_connection(("127.0.0.1", to_port)) as server:
                if first.startswith(b"CONNECT "):
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    method, url, version = first.split(b" ", 2)
                    path = b"/" + url.split(b"/", 3)[3]
                    server.sendall(b" ".join((method, path, version)) + headers + b"Connection: close\r\n\r\n")
                back = threading.Thread(target=_pass_on, args=(server, self.connection))
                back.start()
                _pass_on(self.rfile, server)
                back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield proxy
        server.shutdown()


def _pass_on(source, sink: socket.socket) -> None:
    read = source.recv if isinstance(source, socket.socket) else source.read1
    with suppress(OSError):
        while data := read(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
