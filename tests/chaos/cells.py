"""A cell: one fault at one stage, from a fresh home to the end of all work, compared with a run that nothing disturbed."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.faults import FAULTS, Fault, await_back
from tests.chaos.outcome import Outcome, bought_twice, differences, leaks, read_outcome
from tests.chaos.rig import Rig, await_sign
from tests.chaos.stages import STAGES, Stage
from tests.chaos.surroundings import small_disk
from tests.databases import Cluster
from tests.openai_rig.process import serving

ANSWER_SECONDS = 0.3  # that the endpoint takes: a labelling lasts long enough to be killed in


@dataclass(frozen=True)
class Cell:
    fault: str
    stage: str

    @property
    def name(self) -> str:
        return f"{self.fault}/{self.stage}"


@dataclass(frozen=True)
class Result:
    name: str
    back: float | None
    """Seconds from the kill, or the start of the next `up`, until the flow had a process again; None: it did not lose it."""
    complete: float
    """Seconds from the kill until all was complete."""
    failures: list[str]
    home: str

    def line(self) -> str:
        back = "-" if self.back is None else f"{self.back:.0f} s"
        verdict = "; ".join(self.failures) + f" (home kept: {self.home})" if self.failures else "ok"
        return f"{self.name:<22} back {back:>6}   complete {self.complete:>4.0f} s   {verdict}"


ALL = tuple(Cell(name, stage) for name, fault in FAULTS.items() for stage in fault.stages)
UNDISTURBED = Fault(lambda _rig, _stage: None)


@contextmanager
def running_rig(name: str, fault: Fault, cluster: Cluster | None) -> Generator[Rig]:
    """Start the service in a fresh home, and leave nothing of it running, however the block ends."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix=f"feedback-chaos-{name.replace('/', '-')}-"))
        if fault.on_small_disk:
            stack.enter_context(small_disk(folder))
        rig = Rig(folder / "home", stack.enter_context(serving(delay=ANSWER_SECONDS)), cluster)
        fault.prepare(rig, stack)
        stack.callback(_end, rig)
        rig.start()
        yield rig


def _end(rig: Rig) -> None:
    with suppress(psutil.Error, OSError, subprocess.TimeoutExpired):
        rig.stop()
    for process in [one for one, _, _ in rig.processes()]:
        with suppress(psutil.Error):
            process.kill()


def undisturbed(cluster: Cluster | None) -> tuple[Outcome, float]:
    """Return what a run leaves that nothing disturbs, and the seconds it took from the landing."""
    with running_rig("undisturbed", UNDISTURBED, cluster) as rig:
        began = time.monotonic()
        rig.land()
        await_sign(rig.is_complete, "the end of an undisturbed run")
        took, outcome = time.monotonic() - began, read_outcome(rig.url)
        failures = leaks(rig) + bought_twice(rig, was_cut=False)
    assert not failures, failures
    shutil.rmtree(rig.home.parent)
    return outcome, took


def run_cell(cell: Cell, expected: Outcome, cluster: Cluster | None) -> Result:
    """Disturb a run and see what becomes of it; the home is kept where that is not as it should be."""
    stage, fault = next(one for one in STAGES if one.name == cell.stage), FAULTS[cell.fault]
    began, back, home = time.monotonic(), None, ""
    try:
        with running_rig(cell.name, fault, cluster) as rig:
            home = str(rig.home)
            rig.land()
            await_sign(lambda: stage.sign(rig), f"the stage {stage.name}")
            began = time.monotonic()
            back = _disturb(rig, fault, stage)
            await_sign(rig.is_complete, "the end of all work")
            complete = time.monotonic() - began
            failures = differences(read_outcome(rig.url), expected) + leaks(rig)
            failures += bought_twice(rig, was_cut=fault.loses_replies)
    except AssertionError as error:
        complete, failures = time.monotonic() - began, [str(error)]
    if not failures:
        shutil.rmtree(Path(home).parent)
    return Result(cell.name, back, complete, failures, home)


def _disturb(rig: Rig, fault: Fault, stage: Stage) -> float | None:
    """Strike; returns the seconds until the flow of the stage had a process again, if it had lost it."""
    before = {process.pid for process in rig.flows(stage.flow)}
    struck = time.monotonic()
    fault.strike(rig, stage)
    if not fault.interrupts:
        return None
    await_back(rig, stage, before)
    return time.monotonic() - max(struck, rig.started_at)


def read_results(path: Path) -> list[Result]:
    if not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()]


def keep_result(path: Path, result: Result) -> None:
    with path.open("a") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def as_outcome(kept: dict[str, Any]) -> Outcome:
    return Outcome(**kept)
