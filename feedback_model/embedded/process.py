"""Runs the embedded endpoint as a child process of whoever needs it.

The child ends when its standard input closes, so it dies with a parent that is killed.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from feedback_model.errors import ConfigurationError

READY = "ready "
STOP_SECONDS = 5.0


@contextmanager
def serving(port: int = 0) -> Generator[str]:
    """Yield the base URL (`http://127.0.0.1:PORT/v1`) of an endpoint that lives as long as the block.

    Raises:
        ConfigurationError: the endpoint did not start.
    """
    with serving_module("feedback_model.embedded.endpoint", port=port) as url:
        yield url


@contextmanager
def serving_module(module: str, **flags: float | str) -> Generator[str]:
    """Run `module` with `flags` as a child that prints `ready URL` and ends when its standard input closes; yields the URL.

    Raises:
        ConfigurationError: the endpoint did not start; its last words are in the message.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        child = _start(module, flags, log)
        try:
            yield _wait_until_ready(child, log)
        finally:
            _stop(child)


def _start(module: str, flags: dict[str, float | str], log: IO[str]) -> subprocess.Popen[str]:
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        # Ctrl-C in a terminal reaches the whole session: the endpoint must outlive the parent's last requests.
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": search_path},
    )


def _wait_until_ready(child: subprocess.Popen[str], log: IO[str]) -> str:
    line = cast(IO[str], child.stdout).readline()
    if line.startswith(READY):
        return line.removeprefix(READY).strip()
    child.wait()
    log.seek(0)
    last = log.read().strip().splitlines()[-1:] or ["it said nothing"]
    raise ConfigurationError(f"the embedded endpoint did not start (exit {child.returncode}): {last[0]}")


def _stop(child: subprocess.Popen[str]) -> None:
    cast(IO[str], child.stdin).close()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    cast(IO[str], child.stdout).close()
