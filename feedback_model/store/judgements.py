"""Labels of a dataset, and what the judge said about outputs, in SQL. Knows no formula."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, and_, func, select

from feedback_model.parsing import VALIDATOR, Judgement
from feedback_model.records import Dataset, FinishReason, LabelSet, Split
from feedback_model.store import tables
from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import JudgedOutput, LabelledItem, RelabelledItem
from feedback_model.store.upsert import insert_missing, upsert
from feedback_model.traits import TRAIT_KEYS

_NO_SCORES = dict.fromkeys(TRAIT_KEYS)


def labelled_items(store: Store, dataset: Dataset, split: Split, *, real_only: bool = False) -> list[LabelledItem]:
    """The transcripts of one part of `dataset` with their labels, in the order of their ids."""
    item, label, transcript = tables.dataset_item, tables.label_score, tables.transcript
    query = (
        select(item.c.transcript_id, transcript.c.source_id, label.c.trait, label.c.score)
        .join(transcript, transcript.c.transcript_id == item.c.transcript_id)
        .join(label, label.c.transcript_id == item.c.transcript_id)
        .where(item.c.dataset_id == dataset.dataset_id, item.c.split == split)
        .where(label.c.label_model == dataset.label_set.label_model)
        .where(label.c.prompt_version == dataset.label_set.prompt_version, label.c.replicate == 0)
        .order_by(item.c.transcript_id)
    )
    if real_only:
        query = query.where(transcript.c.origin == "real")
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [labelled_item(list(group)) for _, group in groupby(rows, key=lambda row: row.transcript_id)]


def labelled_item(rows: Sequence[Row[Any]]) -> LabelledItem:
    """One transcript's label from its rows, one for each trait."""
    scores = {row.trait: row.score for row in rows}
    return LabelledItem(rows[0].transcript_id, rows[0].source_id, tuple(scores[trait] for trait in TRAIT_KEYS))


def relabelled_items(store: Store, label_set: LabelSet) -> list[RelabelledItem]:
    """The real transcripts that `label_set` holds more than one label of, with every one, in the order of their ids."""
    label, transcript = tables.label_score, tables.transcript
    of_set = and_(label.c.label_model == label_set.label_model, label.c.prompt_version == label_set.prompt_version)
    again = select(label.c.transcript_id).where(of_set, label.c.replicate > 0).distinct()
    query = (
        select(label.c.transcript_id, transcript.c.source_id, label.c.replicate, label.c.trait, label.c.score)
        .join(transcript, transcript.c.transcript_id == label.c.transcript_id)
        .where(of_set, label.c.transcript_id.in_(again), transcript.c.origin == "real")
        .order_by(label.c.transcript_id, label.c.replicate)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [_relabelled_item(list(group)) for _, group in groupby(rows, key=lambda row: row.transcript_id)]


def count_labelled(store: Store, label_set: LabelSet) -> int:
    """How many real transcripts `label_set` holds a label of."""
    label, transcript = tables.label, tables.transcript
    query = (
        select(func.count(label.c.transcript_id.distinct()))
        .join(transcript, transcript.c.transcript_id == label.c.transcript_id)
        .where(label.c.label_model == label_set.label_model, label.c.prompt_version == label_set.prompt_version)
        .where(transcript.c.origin == "real")
    )
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def _relabelled_item(rows: Sequence[Row[Any]]) -> RelabelledItem:
    labels = [{row.trait: row.score for row in group} for _, group in groupby(rows, key=lambda row: row.replicate)]
    scores = tuple(tuple(each[trait] for trait in TRAIT_KEYS) for each in labels)
    return RelabelledItem(rows[0].transcript_id, rows[0].source_id, scores)


def outputs_to_judge(
    store: Store, inference_id: str, dataset_id: str, split: Split, *, again: bool = False
) -> list[tuple[str, bytes, FinishReason]]:
    """Transcript id, raw output and finish reason of what the present validator has not judged yet; of all, `again`."""
    output, judgement = tables.output, tables.judgement
    judged = and_(
        judgement.c.validator == VALIDATOR,
        judgement.c.inference_id == output.c.inference_id,
        judgement.c.transcript_id == output.c.transcript_id,
    )
    query = (
        _of_part(select(output.c.transcript_id, output.c.raw, output.c.finish_reason), output, dataset_id, split)
        .outerjoin(judgement, judged)
        .where(output.c.inference_id == inference_id)
        .order_by(output.c.transcript_id)
    )
    if not again:
        query = query.where(judgement.c.tier.is_(None))
    with store.read() as connection:
        return [(row.transcript_id, row.raw, row.finish_reason) for row in connection.execute(query)]


def save_judgements(
    store: Store, inference_id: str, judgements: Mapping[str, Judgement], *, again: bool = False
) -> None:
    """Keep `judgements` (by transcript id) with the scores of the strict ones, in one transaction.

    One that stands is left alone, or overwritten where it was judged `again`: evaluations stand on it, so it is never gone.
    """
    rows = (_judgement_row(inference_id, name, judgement) for name, judgement in judgements.items())
    with store.write() as connection:
        if again:
            upsert(connection, tables.judgement, rows, [column.name for column in tables.judgement.primary_key])
        else:
            insert_missing(connection, tables.judgement, rows)


def _judgement_row(inference_id: str, transcript_id: str, judgement: Judgement) -> dict[str, Any]:
    failure, feedback = judgement.failure, judgement.feedback
    return {
        "inference_id": inference_id,
        "transcript_id": transcript_id,
        "validator": VALIDATOR,
        "tier": judgement.tier,
        "failure_code": None if failure is None else str(failure.code),
        "failure_offset": None if failure is None else failure.offset,
        "failure_pointer": None if failure is None else failure.pointer,
        **(_NO_SCORES if judgement.tier != "strict" or feedback is None else feedback.scores),
    }


def judged_outputs(store: Store, inference_id: str, dataset_id: str, split: Split) -> dict[str, JudgedOutput]:
    """What one inference said about one part of a dataset, by transcript id."""
    judgement = tables.judgement
    columns = (judgement.c[name] for name in ("transcript_id", "tier", *TRAIT_KEYS))
    query = (
        _of_part(select(*columns), judgement, dataset_id, split)
        .where(judgement.c.validator == VALIDATOR, judgement.c.inference_id == inference_id)
        .order_by(judgement.c.transcript_id)
    )
    with store.read() as connection:
        rows = connection.execute(query).tuples()
        return {name: JudgedOutput(tier, tuple(scores) if tier == "strict" else None) for name, tier, *scores in rows}


def _of_part(query: Select[Any], table: Any, dataset_id: str, split: Split) -> Select[Any]:
    item = tables.dataset_item
    return query.join_from(table, item, item.c.transcript_id == table.c.transcript_id).where(
        item.c.dataset_id == dataset_id, item.c.split == split
    )
