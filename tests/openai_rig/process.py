"""Runs the stand-in as a child process of a test or benchmark."""

from collections.abc import Generator
from contextlib import contextmanager

from feedback_model.embedded.process import serving_module


@contextmanager
def serving(**flags: float | str) -> Generator[str]:
    """Yield the base URL of a stand-in that lives as long as the block; `flags` are fields of `Options`, and `port`."""
    with serving_module("tests.openai_rig.server", **flags) as url:
        yield url
