"""What is killed, and what a supervisor of the machine would start again: PostgreSQL and `up`."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.chaos.rig import Rig, await_sign
from tests.chaos.stages import Stage

AWAY_SECONDS = 10.0
"""For which PostgreSQL, or `up`, is not there."""


def _kill(processes: list[psutil.Process]) -> None:
    assert processes, "what is to be killed must be there"
    for process in processes:
        process.kill()


def kill_flow(rig: Rig, stage: Stage) -> None:
    _kill(rig.flows(stage.flow))


def kill_worker(rig: Rig, stage: Stage) -> None:
    _kill(rig.worker(stage.pool))


def kill_both(rig: Rig, stage: Stage) -> None:
    _kill([*rig.worker(stage.pool), *rig.flows(stage.flow)])


def kill_server(rig: Rig, _stage: Stage) -> None:
    _kill(rig.server())


def kill_postgresql(rig: Rig, _stage: Stage) -> None:
    """End the postmaster without a word, and its sessions with it; start it again after a while."""
    assert rig.cluster is not None
    lock = rig.cluster.data / "postmaster.pid"
    postmaster = psutil.Process(int(lock.read_text().splitlines()[0]))
    sessions = postmaster.children()
    postmaster.kill()
    time.sleep(AWAY_SECONDS)
    psutil.wait_procs(sessions, timeout=60)
    lock.unlink()
    rig.cluster.start()


def kill_up(rig: Rig, _stage: Stage) -> None:
    """End `up` without a word and start it again, as a supervisor of the machine would."""
    rig.up.send_signal(signal.SIGKILL)
    rig.up.wait()
    time.sleep(AWAY_SECONDS)
    rig.start()


FAULTS: dict[str, Callable[[Rig, Stage], None]] = {
    "flow": kill_flow,
    "worker": kill_worker,
    "both": kill_both,
    "server": kill_server,
    "postgresql": kill_postgresql,
    "up": kill_up,
}
INTERRUPTING = frozenset({"flow", "both", "up"})
"""Faults that end the process of a run, which has to begin again."""


def await_back(rig: Rig, stage: Stage, before: set[int]) -> None:
    """Wait until the flow of the stage has a new process, or needs none any more."""
    await_sign(
        lambda: {one.pid for one in rig.flows(stage.flow)} - before or rig.is_complete(),
        f"a new process of {stage.flow}",
    )


def log_of(home: Path) -> str:
    return (home / "prefect" / "server.log").read_text(errors="replace")
