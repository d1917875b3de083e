"""Demo endpoint as a child process of whoever needs it."""

import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from feedback_model.processes import ManagedProcess

READY = "ready "


@contextmanager
def serving(port: int = 0) -> Generator[str]:
    """Yield the base URL (`http://127.0.0.1:PORT/v1`) of an endpoint that lives as long as the block.

    Raises:
        ConfigurationError: the endpoint did not start; its last words are in the message.
    """
    with tempfile.NamedTemporaryFile(prefix="feedback-demo-endpoint-", suffix=".log", delete=False) as file:
        log = Path(file.name)
    command = [sys.executable, "-m", "feedback_model.demo.endpoint", "--port", str(port)]
    endpoint = ManagedProcess("demo endpoint", command, log)
    endpoint.start()
    try:
        url = endpoint.wait_until_ready(lambda: _announced_url(log))
        try:
            yield url
        finally:
            log.unlink()  # where it did not start, the log stays: the error names it
    finally:
        endpoint.stop()


def _announced_url(log: Path) -> str | None:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    ready = (line for line in lines if line.startswith(READY) and line.endswith("\n"))
    return next((line.removeprefix(READY).strip() for line in ready), None)
