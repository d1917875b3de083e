"""Whole label sets in SQL: which there are, and what each says of every transcript. Knows no formula."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, and_, func, intersect, select

from feedback_model.records.evaluation import LabelledItem
from feedback_model.records.labels import Dataset, LabellingConfig, RelabelledTranscript, SharedLabels
from feedback_model.records.transcripts import Split
from feedback_model.store import tables
from feedback_model.store.connection import Store
from feedback_model.store.label_requests import chunks
from feedback_model.store.tables import label, label_score, transcript
from feedback_model.traits import TRAIT_KEYS


def labels_in(store: Store, dataset: Dataset, split: Split, *, real_only: bool = False) -> list[LabelledItem]:
    """The transcripts of one part of `dataset` with their labels, in the order of their ids."""
    item, label, transcript = tables.dataset_item, tables.label_score, tables.transcript
    query = (
        select(item.c.transcript_id, transcript.c.source_id, label.c.trait, label.c.score)
        .join(transcript, transcript.c.transcript_id == item.c.transcript_id)
        .join(label, label.c.transcript_id == item.c.transcript_id)
        .where(item.c.dataset_id == dataset.dataset_id, item.c.split == split)
        .where(label.c.label_model == dataset.labelling_config.label_model)
        .where(label.c.prompt_version == dataset.labelling_config.prompt_version, label.c.replicate == 0)
        .order_by(item.c.transcript_id)
    )
    if real_only:
        query = query.where(transcript.c.origin == "real")
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [labelled_transcript(list(group)) for _, group in groupby(rows, key=lambda row: row.transcript_id)]


def labelled_transcript(rows: Sequence[Row[Any]]) -> LabelledItem:
    """One transcript's label from its rows, one for each trait."""
    scores = {row.trait: row.score for row in rows}
    return LabelledItem(rows[0].transcript_id, rows[0].source_id, tuple(scores[trait] for trait in TRAIT_KEYS))


def relabelled_transcripts(store: Store, labelling_config: LabellingConfig) -> list[RelabelledTranscript]:
    """The real transcripts that `labelling_config` holds more than one label of, with every one, in the order of their ids."""
    label, transcript = tables.label_score, tables.transcript
    of_set = and_(
        label.c.label_model == labelling_config.label_model, label.c.prompt_version == labelling_config.prompt_version
    )
    again = select(label.c.transcript_id).where(of_set, label.c.replicate > 0).distinct()
    query = (
        select(label.c.transcript_id, transcript.c.source_id, label.c.replicate, label.c.trait, label.c.score)
        .join(transcript, transcript.c.transcript_id == label.c.transcript_id)
        .where(of_set, label.c.transcript_id.in_(again), transcript.c.origin == "real")
        .order_by(label.c.transcript_id, label.c.replicate)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [_relabelled_transcript(list(group)) for _, group in groupby(rows, key=lambda row: row.transcript_id)]


def _relabelled_transcript(rows: Sequence[Row[Any]]) -> RelabelledTranscript:
    labels = [{row.trait: row.score for row in group} for _, group in groupby(rows, key=lambda row: row.replicate)]
    scores = tuple(tuple(each[trait] for trait in TRAIT_KEYS) for each in labels)
    return RelabelledTranscript(rows[0].transcript_id, rows[0].source_id, scores)


def count_labelled(store: Store, labelling_config: LabellingConfig) -> int:
    """How many real transcripts `labelling_config` holds a label of."""
    label, transcript = tables.label, tables.transcript
    query = (
        select(func.count(label.c.transcript_id.distinct()))
        .join(transcript, transcript.c.transcript_id == label.c.transcript_id)
        .where(
            label.c.label_model == labelling_config.label_model,
            label.c.prompt_version == labelling_config.prompt_version,
        )
        .where(transcript.c.origin == "real")
    )
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def labelling_configs(store: Store) -> list[LabellingConfig]:
    """Every label set that holds a label, by name."""
    query = select(label.c.label_model, label.c.prompt_version).distinct().order_by("label_model", "prompt_version")
    with store.read() as connection:
        return [LabellingConfig(*row) for row in connection.execute(query)]


def read_shared_labels(
    store: Store, labelling_config: LabellingConfig, most: int | None = None
) -> Iterator[SharedLabels]:
    """Read the labels that each other config shares transcripts with `labelling_config` on, one config after another.

    Args:
        most: transcripts of each, drawn by their ids; None for all.
    """
    for other in labelling_configs(store):
        names = [] if other == labelling_config else _labelled_by_both(store, labelling_config, other, most)
        if names:
            yield SharedLabels(other, labels_of(store, labelling_config, names), labels_of(store, other, names))


def _labelled_by_both(
    store: Store, labelling_config: LabellingConfig, other: LabellingConfig, most: int | None
) -> list[str]:
    # ids are hashes, so the first ones are a random sample
    both = intersect(*(_labelled(each) for each in (labelling_config, other))).order_by("transcript_id").limit(most)
    with store.read() as connection:
        return list(connection.execute(both).scalars())


def _labelled(labelling_config: LabellingConfig) -> Select[tuple[str]]:
    return select(label.c.transcript_id).where(
        label.c.label_model == labelling_config.label_model,
        label.c.prompt_version == labelling_config.prompt_version,
        label.c.replicate == 0,
    )


def labels_of(
    store: Store, labelling_config: LabellingConfig, names: Collection[str] | None = None
) -> dict[str, LabelledItem]:
    """What a label set says of transcripts (of all, or of those in `names`), by id."""
    query = (
        select(label_score.c.transcript_id, transcript.c.source_id, label_score.c.trait, label_score.c.score)
        .join(transcript, transcript.c.transcript_id == label_score.c.transcript_id)
        .where(label_score.c.label_model == labelling_config.label_model)
        .where(label_score.c.prompt_version == labelling_config.prompt_version, label_score.c.replicate == 0)
        .order_by(label_score.c.transcript_id)
    )
    parts = [query] if names is None else [query.where(label_score.c.transcript_id.in_(part)) for part in chunks(names)]
    with store.read() as connection:
        rows = (row for part in parts for row in connection.execute(part))
        return {
            name: labelled_transcript(list(group)) for name, group in groupby(rows, key=lambda row: row.transcript_id)
        }
