"""Dataset versions in SQL: the labelled transcripts they are made from, and the record of each version."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, exists, func, or_, select

from feedback_model.errors import InputError
from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.records.labels import Dataset, LabelledTranscript, LabellingConfig
from feedback_model.records.transcripts import Transcript
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.tables import augmentation, dataset, dataset_item, label_score, transcript
from feedback_model.store.transcripts import transcripts
from feedback_model.traits import TRAIT_KEYS


def labelled_examples(store: Store, labelling_config: LabellingConfig) -> list[LabelledTranscript]:
    """Transcripts with their first label (replicate 0) of `labelling_config`, in the order of their ids.

    Augmented ones count only where their rewrite was accepted.
    """
    with store.read() as connection:
        rows = connection.execute(_transcripts_in(labelling_config)).all()
        scores: defaultdict[str, dict[str, TraitFeedback]] = defaultdict(dict)
        for transcript_id, trait, score, explanation in connection.execute(_scores_of(labelling_config)):
            scores[transcript_id][trait] = TraitFeedback(score, explanation)
    return [
        LabelledTranscript(*row, feedback=Feedback(tuple(scores[row.transcript_id][key] for key in TRAIT_KEYS)))
        for row in rows
        if len(scores[row.transcript_id]) == len(TRAIT_KEYS)
    ]


def _of(labelling_config: LabellingConfig) -> Any:
    return and_(
        label_score.c.label_model == labelling_config.label_model,
        label_score.c.prompt_version == labelling_config.prompt_version,
        label_score.c.replicate == 0,
    )


def _scores_of(labelling_config: LabellingConfig) -> Any:
    columns = (label_score.c.transcript_id, label_score.c.trait, label_score.c.score, label_score.c.explanation)
    return select(*columns).where(_of(labelling_config))


def _transcripts_in(labelling_config: LabellingConfig) -> Any:
    own = transcript.c
    accepted = exists().where(augmentation.c.transcript_id == own.transcript_id, augmentation.c.outcome == "accepted")
    usable = or_(own.origin == "real", accepted)
    labelled = exists().where(label_score.c.transcript_id == own.transcript_id, _of(labelling_config))
    return (
        select(own.transcript_id, own.source_id, own.text, own.split, own.origin)
        .where(usable, labelled)
        .order_by(own.transcript_id)
    )


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
    """The dataset version `dataset_id`.

    Raises:
        InputError: there is none of that id.
    """
    with store.read() as connection:
        row = connection.execute(select(dataset).where(dataset.c.dataset_id == dataset_id)).first()
    if row is None:
        raise InputError(f"there is no dataset {dataset_id!r}; the view lineage names those there are")
    return _dataset(row)


def held_out(store: Store, dataset_id: str) -> list[Transcript]:
    """The transcripts of a dataset version that no training sees: its validation and test parts."""
    query = select(dataset_item.c.transcript_id).where(
        dataset_item.c.dataset_id == dataset_id, dataset_item.c.split != "train"
    )
    with store.read() as connection:
        ids = list(connection.execute(query).scalars())
    return transcripts(store, ids=ids)


def count_sources(store: Store) -> int:
    """How many sources the real transcripts come from."""
    query = select(func.count(func.distinct(transcript.c.source_id))).where(transcript.c.origin == "real")
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def _dataset(row: Any) -> Dataset:
    counts = (row.n_train, row.n_validation, row.n_test, row.n_augmented)
    return Dataset(row.dataset_id, LabellingConfig(row.label_model, row.prompt_version), row.path, *counts)
