"""What befalls the service, and what a supervisor of the machine would start again: PostgreSQL and `up`."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from tests.chaos.rig import Rig, await_sign
from tests.chaos.stages import STAGES, Stage
from tests.chaos.surroundings import fill, lead_astray, let_clock_be_moved, move_clock

AWAY_SECONDS = 10.0  # for which PostgreSQL, or `up`, is not there
CUT_SECONDS = 60.0  # for which nothing arrives
FULL_SECONDS = 30.0  # for which a disk is full
JUMP_SECONDS = 2 * 3_600  # longer than any wait, lease or heartbeat of ours
EVERY = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True)
class Fault:
    """One thing that happens at a stage."""

    strike: Callable[[Rig, Stage], None]
    stages: tuple[str, ...] = EVERY
    interrupts: bool = False
    """Whether it ends the process of a run, which has to begin again."""
    on_postgresql: bool = False
    on_small_disk: bool = False
    prepare: Callable[[Rig, ExitStack], None] = lambda _rig, _stack: None
    """Before the service starts."""

    @property
    def loses_replies(self) -> bool:
        """Whether what is under way may be paid for and never seen: nobody is there to store it, or nothing to store it in."""
        return self.interrupts or self.on_postgresql or self.on_small_disk


def _kill(processes: list[psutil.Process]) -> None:
    assert processes, "what is to be killed must be there"
    for process in processes:
        process.kill()


def kill_flow(rig: Rig, stage: Stage) -> None:
    _kill(rig.flows(stage.flow))


def kill_worker(rig: Rig, stage: Stage) -> None:
    _kill(rig.workers())


def kill_both(rig: Rig, stage: Stage) -> None:
    _kill([*rig.workers(), *rig.flows(stage.flow)])


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
    """End `up` without a word and start it again."""
    rig.up.send_signal(signal.SIGKILL)
    rig.up.wait()
    time.sleep(AWAY_SECONDS)
    rig.start()


def cut_off_server(rig: Rig, _stage: Stage) -> None:
    """Let nothing come back from the server, and nothing be refused, as where the network between is gone."""
    servers = rig.server()
    for process in servers:
        process.suspend()
    time.sleep(CUT_SECONDS)
    for process in servers:
        process.resume()


def cut_off_database(rig: Rig, _stage: Stage) -> None:
    assert rig.way is not None
    rig.way.cut()
    time.sleep(CUT_SECONDS)
    rig.way.mend()


def fill_disk(rig: Rig, _stage: Stage) -> None:
    ballast = fill(rig.home.parent)
    time.sleep(FULL_SECONDS)
    ballast.unlink()


def move_clock_forward(rig: Rig, _stage: Stage) -> None:
    move_clock(rig, JUMP_SECONDS)


def move_clock_back(rig: Rig, _stage: Stage) -> None:
    move_clock(rig, -JUMP_SECONDS)


SOME = ("label", "train", "evaluate")
FAULTS = {
    "flow": Fault(kill_flow, interrupts=True),
    "worker": Fault(kill_worker),
    "both": Fault(kill_both, interrupts=True),
    "server": Fault(kill_server),
    "postgresql": Fault(kill_postgresql, on_postgresql=True),
    "up": Fault(kill_up, interrupts=True),
    "cut-server": Fault(cut_off_server, SOME),
    "cut-database": Fault(cut_off_database, SOME, on_postgresql=True, prepare=lead_astray),
    "clock-forward": Fault(move_clock_forward, SOME, prepare=let_clock_be_moved),
    "clock-back": Fault(move_clock_back, SOME, prepare=let_clock_be_moved),
    "disk": Fault(fill_disk, SOME, on_small_disk=True),
}


def await_back(rig: Rig, stage: Stage, before: set[int]) -> None:
    """Wait until the flow of the stage has a new process, or needs none any more."""
    await_sign(
        lambda: {one.pid for one in rig.flows(stage.flow)} - before or rig.is_complete(),
        f"a new process of {stage.flow}",
    )
