"""A run cancelled in the UI ends soon as Cancelled, with its stages, and keeps what it had.

How long it took is printed, and asserted nowhere: a busy machine takes longer.
"""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feedback_model.demo.speech import write_demo_input
from tests.local_service import HANGS, LocalService, clean_environment, eventually, feedback_up
from tests.openai_rig.process import serving

EPOCHS = 50  # far more than pass before the run is cancelled
ON_EMBEDDED = {"labeller": "embedded", "base_model": "embedded", "epochs": EPOCHS, "augmentation_share": 0.0}
SLOW_MODEL = "gpt-4o-mini"  # which the stand-in for OpenAI answers a second late, two at a time
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    home = tmp_path_factory.mktemp("cancelling") / "home"
    write_demo_input(home.parent / "landed.jsonl", 60, 3)
    feedback(home, "land", str(home.parent / "landed.jsonl"))
    with serving(delay=1.0) as url:
        endpoint = {"OPENAI_API_KEY": "sk-test", "FEEDBACK_OPENAI_BASE_URL": url, "FEEDBACK_LABEL_MODEL": SLOW_MODEL}
        with feedback_up(home, FEEDBACK_LABEL_CONCURRENCY="2", **endpoint) as running:
            yield running


def feedback(home: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "deployments.cli", *arguments]
    subprocess.run(command, env=clean_environment(home), capture_output=True, check=True, timeout=HANGS)


def start(service: LocalService, deployment: str, **parameters: Any) -> str:
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    return service.call("POST", f"deployments/{service.deployment(deployment)['id']}/create_flow_run", body)["id"]


def cancel(service: LocalService, run_id: str) -> None:
    state = {"type": "CANCELLING", "name": "Cancelling"}
    assert service.call("POST", f"flow_runs/{run_id}/set_state", {"state": state})["status"] == "ACCEPT"


def final_state(service: LocalService, run_id: str) -> str:
    def look() -> str | None:
        state = service.call("GET", f"flow_runs/{run_id}")["state_type"]
        return state if state in OVER else None

    return eventually(look)


def rows(service: LocalService, sql: str) -> int:
    with sqlite3.connect(service.home / "feedback.db") as connection:
        return connection.execute(sql).fetchone()[0]


def a_training_under_way(service: LocalService) -> tuple[str, str]:
    """A pipeline that waits for its training, and that training, which has one epoch behind it."""
    before = rows(service, "SELECT count(*) FROM checkpoint")
    pipeline = start(service, "pipeline/on-demand", **ON_EMBEDDED, again=True)
    eventually(lambda: rows(service, "SELECT count(*) FROM checkpoint") > before)
    running = [run["id"] for run in service.runs_of("train/gpu") if run["state_type"] == "RUNNING"]
    return pipeline, running[0]


@pytest.mark.parametrize("choose", [min, max], ids=["pipeline", "training"])
def test_a_cancelled_training_ends_with_its_pipeline(service: LocalService, choose: Callable[..., int]) -> None:
    runs = a_training_under_way(service)
    began = time.monotonic()
    cancel(service, runs[choose((0, 1))])
    assert [final_state(service, run) for run in runs] == ["CANCELLED", "CANCELLED"]
    sys.stdout.write(f"both ended {time.monotonic() - began:.1f} s after one was cancelled\n")
    kept = rows(service, "SELECT max(epoch) FROM checkpoint")
    assert 1 <= kept < EPOCHS
    assert list(service.home.glob("checkpoints/*/state.safetensors"))


def test_cancelled_labelling_keeps_labels_and_gives_claims_back(service: LocalService) -> None:
    ours = f"label_model = '{SLOW_MODEL}'"
    labelled = f"SELECT count(*) FROM label WHERE {ours}"
    answered = f"SELECT count(*) FROM label_attempt JOIN label_request USING (request_id) WHERE outcome = 'answered' AND {ours}"
    before = rows(service, labelled)
    run = start(service, "label/on-demand", labeller="openai")
    eventually(lambda: rows(service, labelled) > before)
    began = time.monotonic()
    cancel(service, run)
    assert final_state(service, run) == "CANCELLED"
    sys.stdout.write(f"labelling ended {time.monotonic() - began:.1f} s after it was cancelled\n")
    assert rows(service, "SELECT count(*) FROM label_request WHERE state = 'claimed'") == 0
    assert rows(service, "SELECT count(*) FROM label_request WHERE state = 'queued'") > 0
    assert rows(service, labelled) == rows(service, answered)
