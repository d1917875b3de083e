"""Each evaluation's table goes to the training's Weights & Biases run, once, and costs nothing where it cannot."""

import json
from pathlib import Path

import pytest

from feedback_model.records.evaluation import Evaluation
from feedback_model.records.training import TrainingRun
from feedback_model.settings import Settings
from feedback_model.store.training import read_run
from feedback_model.training.tracking import track_evaluations
from tests.databases import OpenFilled
from tests.evaluated_run import RUN, open_evaluated

Tracked = tuple[TrainingRun, tuple[Evaluation, Evaluation], Path]


@pytest.fixture
def evaluated(store_with: OpenFilled, settings: Settings) -> Tracked:
    made = open_evaluated(store_with)
    return read_run(made.store, RUN), (made.validation, made.test), settings.home


def tables_under(home: Path) -> dict[str, dict]:
    files = home.glob("wandb/offline-run-*/files/media/table/*.table.json")
    return {path.name.split("_")[0]: json.loads(path.read_text()) for path in files}


def test_tables_of_both_splits_are_kept_once(evaluated: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of both splits are kept offline once."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    run, evaluations, home = evaluated
    for _ in range(2):
        track_evaluations(run, RUN, home, evaluations, step=30)
    assert len(list(home.glob(f"wandb/offline-run-*-{RUN}/*.wandb"))) == 1
    tables = tables_under(home)
    assert set(tables) == {"validation", "test"}
    rows = [dict(zip(tables["test"]["columns"], row, strict=True)) for row in tables["test"]["data"]]
    told = [(row["model"], row["n"], row["valid_strict"], row["mse_penalised"]) for row in rows]
    assert told == [
        (each.model, 40, each.valid_strict, pytest.approx(each.mse_penalised)) for each in evaluations[1].models
    ]


def test_a_training_that_was_not_tracked_leaves_nothing(evaluated: Tracked) -> None:
    run, evaluations, home = evaluated
    track_evaluations(run, None, home, evaluations, step=30)
    assert not (home / "wandb").exists()


def test_broken_tracker_is_tried_again_next_time(
    evaluated: Tracked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken tracker is told and tried again next time."""
    monkeypatch.setenv("WANDB_MODE", "no-such-mode")
    run, evaluations, home = evaluated
    track_evaluations(run, RUN, home, evaluations, step=30)
    assert "Weights & Biases failed, the work goes on" in caplog.text
    assert list(home.glob("wandb/*.tracked")) == []
