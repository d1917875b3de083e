"""Who asks a server waits no longer than it said, however slowly the answer comes."""

import socket
import threading
from collections.abc import Generator
from contextlib import suppress

import pytest

from deployments.cli.status import _ask_serving
from deployments.local.server import is_healthy
from feedback_model.network import read_url

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"


@pytest.fixture(params=[HEAD, b""], ids=["body", "head"])
def dripping(request: pytest.FixtureRequest) -> Generator[str]:
    """The address of a server that sends what comes first, and then a byte at a time without end."""
    closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(request.param)
                    while not closed.wait(0.05):
                        connection.sendall(b"x")

        server = threading.Thread(target=serve)
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        closed.set()
        server.join()


@pytest.mark.parametrize(("said", "kind"), [(b"", OSError), (b"220 smtp ready\r\n\r\n", ValueError)])
def test_other_answers_are_no_server(said: bytes, kind: type[Exception]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1_000)
                    connection.sendall(said)

        server = threading.Thread(target=serve)
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(kind):
            read_url(url, 30)
        assert not is_healthy(url)
        server.join()


def test_dripping_answer_ends_in_time(dripping: str) -> None:
    with pytest.raises(TimeoutError, match=r"did not answer within 0\.3 s"):
        read_url(dripping, 0.3)


def test_dripping_server_is_no_healthy_one(dripping: str) -> None:
    assert not is_healthy(dripping)


def test_hung_serve_is_not_called_absent(dripping: str) -> None:
    assert _ask_serving(dripping) == "it did not answer within 2 s"
