"""Guard: a unit test opens no database, starts no process and connects to nothing."""

import sys
import threading
from collections.abc import Iterator

import pytest

FORBIDDEN = {"sqlite3.connect", "subprocess.Popen", "socket.connect", "os.fork", "os.posix_spawn", "os.system"}
_watching = False
_others: frozenset[int | None] = frozenset()
"""Threads that were there before the test: Prefect's, from earlier tests of this process, go on reporting to its server."""


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching or event not in FORBIDDEN or threading.get_ident() in _others:
        return
    if arguments[0] != "file":  # `platform.architecture` asks that program
        raise AssertionError(f"a unit test must not reach {event} {arguments[:2]}: move the test to tests/integration")


sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    global _watching, _others  # noqa: PLW0603 - a hook cannot be taken away again, so it is switched
    _others = frozenset(thread.ident for thread in threading.enumerate()) - {threading.get_ident()}
    _watching = True
    yield
    _watching = False


@pytest.fixture(scope="session")
def postgres_cluster() -> None:
    """Refuse: libpq connects past the hook."""
    pytest.fail("a unit test must not open a database: move the test to tests/integration")
