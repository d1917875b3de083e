"""Dataset versions in SQL: the labelled transcripts they are made from, and the record of each version."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from feedback_model.errors import InputError
from feedback_model.records.labels import Dataset, LabelledTranscript, LabellingConfig
from feedback_model.records.transcripts import Split, Transcript
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.tables import dataset, dataset_item, transcript
from feedback_model.store.transcripts import transcripts


def record_dataset(store: Store, version: Dataset, examples: Sequence[LabelledTranscript]) -> None:
    """Record a dataset version and what it holds; the same version again changes nothing."""
    row = {
        "dataset_id": version.dataset_id,
        "created_at": now(),
        "label_model": version.labelling_config.label_model,
        "prompt_version": version.labelling_config.prompt_version,
        "path": version.path,
        "n_train": version.n_train,
        "n_validation": version.n_validation,
        "n_test": version.n_test,
        "n_augmented": version.n_augmented,
    }
    items = [
        {"dataset_id": version.dataset_id, "transcript_id": example.transcript_id, "split": example.split}
        for example in examples
    ]
    with store.write() as connection:
        if insert_missing(connection, dataset, [row]):
            insert_missing(connection, dataset_item, items)


def read_dataset(store: Store, dataset_id: str) -> Dataset:
    """Return the dataset version `dataset_id`.

    Raises:
        InputError: there is none of that id.
    """
    with store.read() as connection:
        row = connection.execute(select(dataset).where(dataset.c.dataset_id == dataset_id)).first()
    if row is None:
        raise InputError(f"there is no dataset {dataset_id!r}; the view lineage names those there are")
    return _dataset(row)


def splits_of_dataset(store: Store, dataset_id: str) -> dict[str, Split]:
    """Return the transcripts of a dataset version, forgotten ones too, each with the split that it is in there."""
    query = select(dataset_item.c.transcript_id, dataset_item.c.split).where(dataset_item.c.dataset_id == dataset_id)
    with store.read() as connection:
        return {row.transcript_id: row.split for row in connection.execute(query)}


def held_out(store: Store, dataset_id: str, *, validation_only: bool = False) -> list[Transcript]:
    """Return the transcripts of a dataset version that no training sees: its validation and test parts."""
    splits = ("validation",) if validation_only else ("validation", "test")
    query = select(dataset_item.c.transcript_id).where(
        dataset_item.c.dataset_id == dataset_id, dataset_item.c.split.in_(splits)
    )
    with store.read() as connection:
        ids = list(connection.execute(query).scalars())
    return transcripts(store, ids=ids)


def count_sources(store: Store) -> int:
    """Count the sources of the real transcripts."""
    query = select(func.count(func.distinct(transcript.c.source_id))).where(transcript.c.origin == "real")
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def _dataset(row: Any) -> Dataset:
    counts = (row.n_train, row.n_validation, row.n_test, row.n_augmented)
    return Dataset(row.dataset_id, LabellingConfig(row.label_model, row.prompt_version), row.path, *counts)
