"""A cell: one fault at one stage, from a fresh home to the end of all work, compared with a run that nothing disturbed."""

import json
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.faults import FAULTS, INTERRUPTING, await_back
from tests.chaos.outcome import Outcome, bought_twice, differences, leaks, read_outcome
from tests.chaos.rig import Rig, await_sign
from tests.chaos.stages import STAGES, Stage
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
    """Seconds from the kill, or from the start of the next `up`, until the flow had a process again; None: it never lost it."""
    complete: float
    """Seconds from the kill until all was complete."""
    failures: list[str]
    home: str

    def line(self) -> str:
        back = "-" if self.back is None else f"{self.back:.0f} s"
        verdict = "; ".join(self.failures) + f" (home kept: {self.home})" if self.failures else "ok"
        return f"{self.name:<22} back {back:>6}   complete {self.complete:>4.0f} s   {verdict}"


ALL = tuple(Cell(fault, stage.name) for fault in FAULTS for stage in STAGES)


@contextmanager
def running_rig(name: str, cluster: Cluster | None) -> Generator[Rig]:
    """Start the service in a fresh home, and leave nothing of it running, however the block ends."""
    home = Path(tempfile.mkdtemp(prefix=f"feedback-chaos-{name.replace('/', '-')}-")) / "home"
    with serving(delay=ANSWER_SECONDS) as endpoint:
        rig = Rig(home, endpoint, cluster)
        try:
            rig.start()
            yield rig
        finally:
            with suppress(psutil.Error, OSError):
                rig.stop()
            for process in [one for one, _, _ in rig.processes()]:
                with suppress(psutil.Error):
                    process.kill()


def undisturbed(cluster: Cluster | None) -> tuple[Outcome, float]:
    """Return what a run leaves that nothing disturbs, and the seconds it took from the landing."""
    with running_rig("undisturbed", cluster) as rig:
        began = time.monotonic()
        rig.land()
        await_sign(rig.is_complete, "the end of an undisturbed run")
        took, outcome = time.monotonic() - began, read_outcome(rig)
        failures = leaks(rig) + bought_twice(rig, was_cut=False)
    assert not failures, failures
    shutil.rmtree(rig.home.parent)
    return outcome, took


def run_cell(cell: Cell, expected: Outcome, cluster: Cluster | None) -> Result:
    """Disturb a run and see what becomes of it; the home is kept where that is not as it should be."""
    stage = next(one for one in STAGES if one.name == cell.stage)
    began, back = time.monotonic(), None
    with running_rig(cell.name, cluster) as rig:
        try:
            rig.land()
            await_sign(lambda: stage.sign(rig), f"the stage {stage.name}")
            began = time.monotonic()
            back = _disturb(rig, cell, stage)
            await_sign(rig.is_complete, "the end of all work")
            complete = time.monotonic() - began
            failures = differences(read_outcome(rig), expected) + leaks(rig)
            failures += bought_twice(rig, was_cut=cell.fault in INTERRUPTING)
        except AssertionError as error:
            complete, failures = time.monotonic() - began, [str(error)]
    if not failures:
        shutil.rmtree(rig.home.parent)
    return Result(cell.name, back, complete, failures, str(rig.home))


def _disturb(rig: Rig, cell: Cell, stage: Stage) -> float | None:
    before = {process.pid for process in rig.flows(stage.flow)}
    killed = time.monotonic()
    FAULTS[cell.fault](rig, stage)
    if cell.fault not in INTERRUPTING:
        return None
    await_back(rig, stage, before)
    return time.monotonic() - killed


def read_results(path: Path) -> list[Result]:
    if not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()]


def keep_result(path: Path, result: Result) -> None:
    with path.open("a") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def as_outcome(kept: dict[str, Any]) -> Outcome:
    return Outcome(**kept)
