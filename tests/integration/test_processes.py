"""Managed processes: they end with their parent, are waited for while they live, and are started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deployments.local.supervisor import RESTARTS, running, watch
from feedback_model.errors import ConfigurationError, Interrupted
from feedback_model.processes import ManagedProcess
from feedback_model.progress import request_stop
from tests.local_service import eventually

PARENT = """
import sys, time
from collections.abc import Iterator
from pathlib import Path
from feedback_model.processes import ManagedProcess
child = ManagedProcess("child", [sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]))
child.start()
time.sleep(600)
"""
SAY_PID = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def process(tmp_path: Path, code: str) -> ManagedProcess:
    return ManagedProcess("worker", [sys.executable, "-c", code], tmp_path / "worker.log")


def pid_in(log: Path) -> int | None:
    text = log.read_text() if log.exists() else ""
    return int(text.split()[-1]) if text.endswith("\n") else None


def test_a_child_ends_with_a_killed_parent(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with subprocess.Popen([sys.executable, "-c", PARENT, SAY_PID, str(log)]) as parent:
        pid = eventually(lambda: pid_in(log))
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(pid))


def test_a_process_is_ready_when_something_is_found(tmp_path: Path) -> None:
    worker = process(tmp_path, SAY_PID)
    with running(worker):
        pid = worker.wait_until_ready(lambda: pid_in(worker.log))
        os.kill(pid, 0)
    assert not psutil.pid_exists(pid)


def test_a_process_that_ends_early_says_why(tmp_path: Path) -> None:
    worker = process(tmp_path, "import sys; sys.exit('no disk')")
    with (
        running(worker),
        pytest.raises(ConfigurationError, match=r"worker did not start \(status 1\); .* ends with: no disk"),
    ):
        worker.wait_until_ready(lambda: None)


def test_a_process_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    worker = process(tmp_path, SAY_PID)
    with running(worker), pytest.raises(ConfigurationError, match="silent for 1 s"):
        worker.wait_until_ready(lambda: None, silence=1)


def test_stop_request_ends_a_start(tmp_path: Path) -> None:
    """A start is left at a request to stop."""
    worker = process(tmp_path, SAY_PID)
    with running(worker), pytest.raises(Interrupted):
        worker.wait_until_ready(request_stop)


def test_dead_process_is_restarted_within_bounds(tmp_path: Path) -> None:
    """A process is started again until that is hopeless."""
    told = list[str]()
    worker = process(tmp_path, "import sys; sys.exit(3)")
    with running(worker), pytest.raises(ConfigurationError, match=r"keeps ending \(status 3\)"):
        watch([worker], told.append)
    assert len(told) == RESTARTS


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, which has no room left."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"a file system of its own needs root: {mount.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_is_said_to_be_full(full_disk: Path) -> None:
    worker = process(full_disk, "import sys; print('x' * 100_000, flush=True); sys.exit(3)")
    advice = rf"the disk of {full_disk} is full \(0 KiB free\): make room there .* its log is {worker.log}"
    with running(worker), pytest.raises(ConfigurationError, match=advice):
        worker.wait_until_ready(lambda: None)
