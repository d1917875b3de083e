"""The sides of `training_speed.py`: each trains in a process of its own, and is read from outside while it waits."""

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from own_process import environment_with

PEERS = Path(__file__).parent / "peers"
SPARE = 2_000_000_000  # bytes of the machine's memory that a side must leave free
SIDES = {
    "ours": ("own_trainer.py", ()),
    "TRL, its defaults": ("trl_trainer.py", ("default",)),
    "TRL, no gradient checkpointing": ("trl_trainer.py", ("no-checkpointing",)),
}


class Reading(NamedTuple):
    """What the operating system says of a process."""

    seconds: float
    """A clock's."""
    processor_seconds: float
    peak: int
    """Most bytes that it has had resident."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One side's training."""

    name: str
    before: Reading
    after: Reading
    losses: tuple[float, ...]
    gpu_peak: int | None

    @property
    def seconds(self) -> float:
        return self.after.seconds - self.before.seconds

    @property
    def processor_seconds(self) -> float:
        return self.after.processor_seconds - self.before.processor_seconds


def read_process(pid: int) -> Reading:
    used = psutil.Process(pid).cpu_times()
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (peak,) = (int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    return Reading(time.monotonic(), used.user + used.system, peak)


def next_line(process: subprocess.Popen[str]) -> str | None:
    """The next line that `process` writes; None where it ended, or had to be ended before the machine's memory was."""
    assert process.stdout is not None
    while not select.select([process.stdout], [], [], 0.2)[0]:
        if psutil.virtual_memory().available < SPARE:
            process.kill()
    return process.stdout.readline() or None


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def measure(side: str, work: dict[str, Any], folder: Path, threads: int) -> Measured | None:
    """Train in a process of its own, read from outside right before the first step and after the last; None: it did not fit."""
    script, arguments = SIDES[side]
    own = folder / side.replace(" ", "-").replace(",", "")
    own.mkdir()
    (own / "work.json").write_text(json.dumps({**work, "folder": str(own)}))
    with (own / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, PEERS / script, own / "work.json", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment_of(work, threads),
            cwd=own,
        )
        with process:
            found = follow(process)
    if found is None and process.returncode >= 0:
        sys.exit(f"{side} failed:\n{(own / 'log').read_text()[-3000:]}")
    return found


def environment_of(work: dict[str, Any], threads: int) -> dict[str, str]:
    given = environment_with(threads)
    if work["device"] == "cpu":
        given["CUDA_VISIBLE_DEVICES"] = ""
    if Path(work["base"]["location"]).is_dir():
        given["HF_HUB_OFFLINE"] = "1"
    if work["trl_path"]:
        given["PYTHONPATH"] = os.pathsep.join(filter(None, (work["trl_path"], os.environ.get("PYTHONPATH"))))
    return given


def follow(process: subprocess.Popen[str]) -> Measured | None:
    if next_line(process) is None:
        return None
    before = read_process(process.pid)
    go_on(process)
    line = next_line(process)
    if line is None:
        return None
    after, said = read_process(process.pid), json.loads(line)
    go_on(process)
    return Measured(said["name"], before, after, tuple(said["losses"]), said["gpu_peak"])
