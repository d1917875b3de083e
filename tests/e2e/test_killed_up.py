"""`feedback up`, ended without a word in the middle of a training, goes on at its next start with the very same runs."""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.chaos.rig import Rig, await_sign
from tests.openai_rig.process import serving


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with serving() as endpoint:
        made = Rig(tmp_path / "home", endpoint)
        made.start()
        yield made
        made.stop()
        for process, _, _ in made.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()


def runs(rig: Rig, flow: str) -> list[dict[str, Any]]:
    return rig.call("POST", "flow_runs/filter", {"flows": {"name": {"any_": [flow]}}})


def test_killed_up_goes_on_with_the_same_runs(rig: Rig) -> None:
    rig.land()
    await_sign(lambda: rig.count("training_step") >= 2, "a training")
    before = rig.flows("retrain", "train")
    rig.up.send_signal(signal.SIGKILL)
    rig.up.wait()
    rig.start()
    assert not any(process.is_running() for process in before), "nobody is at the old runs beside the new ones"
    await_sign(lambda: [run["state_type"] for run in runs(rig, "train")] == ["COMPLETED"], "the end of the training")
    assert [run["run_count"] for run in runs(rig, "train")] == [2]
    assert [run["run_count"] for run in runs(rig, "retrain") if run["run_count"]] == [2]
    assert rig.count("training_run") == 1
