"""Stand-ins for a test or benchmark, all in one child process: starting Python anew takes longer than most tests."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, cast

from feedback_model.errors import ConfigurationError

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(**flags: float | str) -> Generator[str]:
    """Yield the base URL of a stand-in that lives as long as the block; `flags` are fields of `Options`, and `port`.

    Raises:
        ConfigurationError: it did not start.
    """
    answer, _, url = _ask(*(f"--{name.replace('_', '-')}={value}" for name, value in flags.items())).partition(" ")
    if answer != "ready":
        raise ConfigurationError(f"the stand-in did not start: {url}")
    try:
        yield url
    finally:
        _ask(url)


def _ask(*order: str) -> str:
    child = _child()
    cast(IO[str], child.stdin).write(json.dumps(order) + "\n")
    cast(IO[str], child.stdin).flush()
    return cast(IO[str], child.stdout).readline().strip()


@cache
def _child() -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.openai_rig.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Ctrl-C in a terminal reaches the whole session: stand-ins outlive the last requests of a test.
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))},
    )
    atexit.register(child.communicate)  # closes its standard input, which ends it
    return child
