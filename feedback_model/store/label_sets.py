"""Whole label sets in SQL: which there are, and what each says of every transcript. Knows no formula."""

from collections.abc import Collection
from itertools import groupby

from sqlalchemy import Select, intersect, select

from feedback_model.records import LabelSet
from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import LabelledItem
from feedback_model.store.judgements import labelled_item
from feedback_model.store.ledger import chunks
from feedback_model.store.tables import label, label_score, transcript


def label_sets(store: Store) -> list[LabelSet]:
    """Every label set that holds a label, by name."""
    query = select(label.c.label_model, label.c.prompt_version).distinct().order_by("label_model", "prompt_version")
    with store.read() as connection:
        return [LabelSet(*row) for row in connection.execute(query)]


def labelled_by_both(store: Store, label_set: LabelSet, other: LabelSet, most: int | None) -> list[str]:
    """Ids of transcripts that both sets labelled, at most so many; ids are hashes, so the first ones are a random sample."""
    both = intersect(*(_labelled(each) for each in (label_set, other))).order_by("transcript_id").limit(most)
    with store.read() as connection:
        return list(connection.execute(both).scalars())


def _labelled(label_set: LabelSet) -> Select[tuple[str]]:
    return select(label.c.transcript_id).where(
        label.c.label_model == label_set.label_model,
        label.c.prompt_version == label_set.prompt_version,
        label.c.replicate == 0,
    )


def labels_of(store: Store, label_set: LabelSet, names: Collection[str] | None = None) -> dict[str, LabelledItem]:
    """What a label set says of transcripts (of all, or of those in `names`), by id."""
    query = (
        select(label_score.c.transcript_id, transcript.c.source_id, label_score.c.trait, label_score.c.score)
        .join(transcript, transcript.c.transcript_id == label_score.c.transcript_id)
        .where(label_score.c.label_model == label_set.label_model)
        .where(label_score.c.prompt_version == label_set.prompt_version, label_score.c.replicate == 0)
        .order_by(label_score.c.transcript_id)
    )
    parts = [query] if names is None else [query.where(label_score.c.transcript_id.in_(part)) for part in chunks(names)]
    with store.read() as connection:
        rows = (row for part in parts for row in connection.execute(part))
        return {name: labelled_item(list(group)) for name, group in groupby(rows, key=lambda row: row.transcript_id)}
