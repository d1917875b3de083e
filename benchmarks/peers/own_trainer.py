"""This project's training, as `feedback train` calls it. `python own_trainer.py WORK`, as `training_speed.py` starts it."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from labelled_speech import labelled, train_in

from feedback_model.progress import Progress, reporting_to
from feedback_model.records.recipe import recipe_from
from feedback_model.records.training import BaseModel
from feedback_model.store.connection import open_store
from feedback_model.store.training import steps_of
from feedback_model.training.memory import peak_memory

work = json.loads(Path(sys.argv[1]).read_text())
home = Path(work["folder"])
os.environ["WANDB_MODE"] = "disabled"


def wait_before_training(progress: Progress) -> None:
    """Say that the first step is next, and wait; loading is no part of what is measured."""
    if progress.stage == "train" and progress.done == 0:
        print("ready", flush=True)
        sys.stdin.readline()


with reporting_to(wait_before_training):
    run = train_in(
        home, [labelled(row) for row in work["rows"]], BaseModel(**work["base"]), recipe_from(work["recipe"])
    )
store = open_store(f"sqlite:///{home / 'feedback.db'}")
steps = steps_of(store, run.run_id)
store.close()
tokens, known = (
    sum(step.n_tokens or 0 for step in steps),
    sum(len(each["prompt"]) + len(each["answer"]) for each in work["encoded"]),
)
assert tokens == known, (tokens, known)
peak = peak_memory("cuda") if run.device == "cuda" else None
name = f"ours, {run.precision['used']}"
print(json.dumps({"losses": [step.loss for step in steps], "gpu_peak": peak, "name": name}), flush=True)
sys.stdin.readline()
