"""What an `up` that was killed has left is found by what it was told, ended, and mistaken for nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from deployments.local.left_processes import FLOW_RUN, STARTED_BY, end_left_processes, end_own_processes, runs_at_work
from feedback_model.store.owners import process_owner
from tests.owners import owner_elsewhere, owner_that_ended

SLEEP = "import time; print(flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


@pytest.fixture
def children() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(children: ExitStack, home: Path, owner: str, code: str = SLEEP, **told: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"FEEDBACK_HOME": str(home), STARTED_BY: owner, **told}
    child = children.enter_context(
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, start_new_session=True)
    )
    children.callback(child.kill)
    assert child.stdout is not None
    assert child.stdout.readline() == b"\n"
    return child


def test_left_processes_of_this_home_are_ended(children: ExitStack, tmp_path: Path) -> None:
    left = start(children, tmp_path, owner_that_ended())
    spared = [
        start(children, tmp_path, process_owner()),
        start(children, tmp_path, owner_elsewhere()),
        start(children, tmp_path / "other", owner_that_ended()),
    ]
    assert end_left_processes(tmp_path) == 1
    assert left.wait() == -SIGTERM
    assert [one.poll() for one in spared] == [None] * 3
    assert end_own_processes(tmp_path) == 1
    assert spared[0].wait() == -SIGTERM


def test_process_that_ignores_the_request_is_ended(children: ExitStack, tmp_path: Path) -> None:
    stubborn = start(children, tmp_path, owner_that_ended(), STUBBORN)
    end_left_processes(tmp_path)
    assert stubborn.wait() == -SIGKILL


def test_runs_with_a_process_are_listed(children: ExitStack, tmp_path: Path) -> None:
    start(children, tmp_path, process_owner(), **{FLOW_RUN: "run-1"})
    start(children, tmp_path / "other", process_owner(), **{FLOW_RUN: "run-2"})
    assert runs_at_work(tmp_path) == {"run-1"}
