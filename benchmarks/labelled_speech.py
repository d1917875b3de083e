"""Real excerpts with the offline labeller's labels, and the service's own training on them, for benchmarks of both."""

import json
from collections.abc import Sequence
from pathlib import Path

from feedback_model.demo.labeller.explanations import explain
from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import Dataset, LabelledTranscript, LabellingConfig
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import BaseModel, TrainingRun
from feedback_model.store.connection import open_store
from feedback_model.store.datasets import record_dataset
from feedback_model.training.train import train
from feedback_model.transcripts.cleaning import clean_text

LABELS = LabellingConfig("offline labeller", "label")


def read_labelled(path: Path) -> list[LabelledTranscript]:
    """The excerpts of a file of JSON lines (`id`, `document`, `text`), labelled."""
    return [labelled(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def labelled(row: dict[str, str]) -> LabelledTranscript:
    text = clean_text(row["text"])
    return LabelledTranscript(row["id"], row["document"], text, "train", "real", explain(text).feedback)


def dataset_of(examples: Sequence[LabelledTranscript]) -> Dataset:
    """A dataset of train examples alone, named by its content."""
    name = content_id("dataset", [(each.transcript_id, each.text, each.scores) for each in examples])
    return Dataset(name, LABELS, "", len(examples), 0, 0, 0)


def train_in(home: Path, examples: Sequence[LabelledTranscript], base: BaseModel, recipe: Recipe) -> TrainingRun:
    """Train as `feedback train` does, with a database under `home`; goes on where it was interrupted."""
    dataset, store = dataset_of(examples), open_store(f"sqlite:///{home / 'feedback.db'}")
    try:
        record_dataset(store, dataset, [])
        return train(store, home, dataset, examples, base, recipe)
    finally:
        store.close()
