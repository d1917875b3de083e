"""A process killed anywhere in an evaluation leaves nothing partial behind: none of it, or all of what stood before."""

import json
import subprocess
import sys
from pathlib import Path
from signal import SIGKILL

from sqlalchemy import delete, update

from eval.evaluate import evaluate, judge_outputs
from feedback_model.store.connection import Store
from feedback_model.store.tables import judgement, output
from tests.evaluated_run import RUN, evaluate_run, fill_run

ROOT = Path(__file__).parents[2]


def test_killed_evaluation_is_absent_or_unchanged(any_store_url: str) -> None:
    """An evaluation killed before any of its writes is not there or as it was."""
    program = [sys.executable, "-m", "tests.killed_evaluation", any_store_url]
    done = subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True)
    left = [tuple(each) for each in json.loads(done.stdout)]
    first = left.index(next(each for each in left if each[0] == 0))
    before, (_, whole, _), after = left[:first], left[first], left[first + 1 :]
    assert len(before) > 12, "every table of an evaluation is a write of its own, and so is the commit"
    assert set(before) == {(-SIGKILL, 0, False)}
    assert len(after) > len(before)
    assert set(after) == {(-SIGKILL, whole, True), (0, whole, True)}


def test_evaluation_stopped_before_measuring_is_measured_anew(
    store: Store,
) -> None:
    """An evaluation that was stopped between judging new outputs and measuring is measured anew."""
    run = fill_run(store, n_train=12, n_held_out=8)
    evaluate_run(run)
    asked_again = run.models["epoch-1"]
    with store.write() as connection:
        connection.execute(delete(judgement).where(judgement.c.inference_id == asked_again))
        connection.execute(update(output).where(output.c.inference_id == asked_again).values(raw=b"no"))
    judge_outputs(store, "epoch-1", asked_again, run.dataset.dataset_id, "test")
    anew = evaluate(store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2").model("epoch-1")
    assert anew is not None
    assert anew.n_individual == 0
