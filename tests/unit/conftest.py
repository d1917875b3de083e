"""Guard: a unit test opens no database, starts no process and connects to nothing."""

import sys
from collections.abc import Iterator

import pytest

FORBIDDEN = {"sqlite3.connect", "subprocess.Popen", "socket.connect", "os.fork", "os.posix_spawn", "os.system"}
_watching = False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event in FORBIDDEN and arguments[0] != "file":  # `platform.architecture` asks that program
        raise AssertionError(f"a unit test must not reach {event} {arguments[:2]}: move the test to tests/integration")


sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    global _watching  # noqa: PLW0603 - a hook cannot be taken away again, so it is switched
    _watching = True
    yield
    _watching = False


@pytest.fixture(scope="session")
def postgres_cluster() -> None:
    """Refuse: libpq connects past the hook."""
    pytest.fail("a unit test must not open a database: move the test to tests/integration")
