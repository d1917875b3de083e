"""One training at a time on a machine: the second waits, says for whom, can be stopped, and follows a first that was killed."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from feedback_model import progress
from feedback_model.errors import Interrupted
from feedback_model.training.machine_lock import sole_training
from feedback_model.waiting import telling_waits

HOLDS = """
import sys
from pathlib import Path
from feedback_model.training.machine_lock import sole_training
with sole_training("cpu", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that trains until its standard input is closed."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "held\n"
    yield child
    child.communicate()


def test_second_training_says_whom_it_awaits(holder, tmp_path):
    told = []

    def listen(wait):
        told.append(str(wait))
        holder.stdin.close()  # now the first ends

    with telling_waits(listen), sole_training("cpu", tmp_path):
        assert holder.wait() == 0
    assert told[0].startswith(f"waiting for another training on this machine (process {holder.pid}: ")
    assert "Ctrl-C" in told[0]
    holder.stdin = None


def test_waiting_for_a_training_can_be_stopped(holder, tmp_path):
    with telling_waits(lambda _: progress.request_stop()), pytest.raises(Interrupted), sole_training("cpu", tmp_path):
        pass


def test_killed_training_keeps_nobody_waiting(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    with sole_training("cpu", tmp_path):
        assert holder.wait() == -signal.SIGKILL


def test_devices_are_trained_on_side_by_side(holder, tmp_path):
    with sole_training("cuda", tmp_path):
        assert holder.poll() is None


def test_hidden_gpus_make_no_second_cpu(tmp_path, monkeypatch):
    """Whatever GPUs a process sees, it trains on the same CPU as any other."""
    for visible in ("", "-1", "0"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        with sole_training("cpu", tmp_path):
            pass
    assert [file.name for file in tmp_path.iterdir()] == ["training-cpu.lock"]


def test_threads_of_one_process_wait_too(tmp_path):
    order = []

    def second():
        with sole_training("cpu", tmp_path):
            order.append("second")

    with sole_training("cpu", tmp_path):
        waiting = threading.Thread(target=second)
        waiting.start()
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_cache_that_cannot_be_written_hinders_nobody(tmp_path):
    (tmp_path / "file").touch()
    with sole_training("cpu", tmp_path / "file"):
        pass
