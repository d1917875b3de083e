"""Labels in SQL: configurations, labelled transcripts (by one statement), and transcripts labelled more than once."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, func, intersect, or_, select

from feedback_model.errors import InputError
from feedback_model.feedback import LONGEST_EXPLANATION, Feedback, TraitFeedback
from feedback_model.records.labels import (
    LabelledTranscript,
    LabellingConfig,
    LabellingCost,
    LabelWording,
    RelabelledTranscript,
    SharedLabels,
)
from feedback_model.records.transcripts import Split
from feedback_model.store.connection import Store
from feedback_model.store.label_requests import chunks
from feedback_model.store.readonly_sql import select_rows
from feedback_model.store.tables import augmentation, dataset_item, label, label_score, transcript
from feedback_model.traits import TRAIT_KEYS


def labelled_transcripts(
    store: Store,
    labelling_config: LabellingConfig,
    *,
    dataset_id: str | None = None,
    split: Split | None = None,
    usable: bool = False,
    real_only: bool = False,
    ids: Collection[str] | None = None,
) -> list[LabelledTranscript]:
    """Read transcripts with their first label of one configuration, in the order of their ids.

    Args:
        dataset_id: only those of this dataset version.
        usable: only those that may enter a dataset: real ones, and rewrites that were accepted.
    """
    chosen = select(transcript.c.transcript_id).where(transcript.c.origin != "forgotten")
    if dataset_id is not None:
        chosen = chosen.join(dataset_item).where(dataset_item.c.dataset_id == dataset_id)
    if split is not None:
        chosen = chosen.where(transcript.c.split == split)
    if real_only:
        chosen = chosen.where(transcript.c.origin == "real")
    if usable:
        accepted = exists().where(
            augmentation.c.transcript_id == transcript.c.transcript_id, augmentation.c.outcome == "accepted"
        )
        chosen = chosen.where(or_(transcript.c.origin == "real", accepted))
    parts = [chosen] if ids is None else [chosen.where(transcript.c.transcript_id.in_(p)) for p in chunks(sorted(ids))]
    with store.read() as connection:
        rows = (row for part in parts for row in connection.execute(_labelled_query(labelling_config, part)))
        return [_labelled_transcript(row) for row in rows]


def _labelled_query(labelling_config: LabellingConfig, chosen: Select[tuple[str]]) -> Select[Any]:
    """Select each of `chosen` once, with six columns each of scores, explanations and expected scores."""
    cells = [
        func.max(case((label_score.c.trait == key, column)))
        for column in (label_score.c.score, label_score.c.explanation, label_score.c.expected_score)
        for key in TRAIT_KEYS
    ]
    # The choice stands inside, or the labels of everything would be put together first.
    labels = (
        select(label_score.c.transcript_id, *(cell.label(f"cell_{place}") for place, cell in enumerate(cells)))
        .where(_of_config(labelling_config), label_score.c.replicate == 0, label_score.c.transcript_id.in_(chosen))
        .group_by(label_score.c.transcript_id)
        .having(func.count() == len(TRAIT_KEYS))
        .subquery()
    )
    own = transcript.c
    columns = (own.transcript_id, own.source_id, own.text, own.split, own.origin)
    return (
        select(*columns, *(column for column in labels.c if column.name != "transcript_id"))
        .join(labels, labels.c.transcript_id == own.transcript_id)
        .order_by(own.transcript_id)
    )


def _of_config(labelling_config: LabellingConfig) -> ColumnElement[bool]:
    """Match the scores of one configuration."""
    return and_(
        label_score.c.label_model == labelling_config.label_model,
        label_score.c.prompt_version == labelling_config.prompt_version,
    )


def _labelled_transcript(row: Row[Any]) -> LabelledTranscript:
    cells, n = row[-3 * len(TRAIT_KEYS) :], len(TRAIT_KEYS)
    traits, expected = map(TraitFeedback, cells[:n], cells[n : 2 * n]), tuple(cells[2 * n :])
    return LabelledTranscript(
        row.transcript_id,
        row.source_id,
        row.text,
        row.split,
        row.origin,
        Feedback(tuple(traits)),
        None if None in expected else expected,
    )


def relabelled_transcripts(store: Store, labelling_config: LabellingConfig) -> list[RelabelledTranscript]:
    """Read the real transcripts with more than one label of `labelling_config`, with every label, in the order of their ids."""
    score, of_config = label_score.c, _of_config(labelling_config)
    again = select(score.transcript_id).where(of_config, score.replicate > 0).distinct()
    query = (
        select(score.transcript_id, transcript.c.source_id, score.replicate, score.trait, score.score)
        .join(transcript, transcript.c.transcript_id == score.transcript_id)
        .where(of_config, score.transcript_id.in_(again), transcript.c.origin == "real")
        .order_by(score.transcript_id, score.replicate)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [_relabelled_transcript(list(group)) for _, group in groupby(rows, key=lambda row: row.transcript_id)]


def _relabelled_transcript(rows: Sequence[Row[Any]]) -> RelabelledTranscript:
    labels = [{row.trait: row.score for row in group} for _, group in groupby(rows, key=lambda row: row.replicate)]
    scores = tuple(tuple(each[trait] for trait in TRAIT_KEYS) for each in labels)
    return RelabelledTranscript(rows[0].transcript_id, rows[0].source_id, scores)


def count_labelled(store: Store, labelling_config: LabellingConfig) -> int:
    """Count the real transcripts with a label of `labelling_config`."""
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


def read_labelling_costs(store: Store) -> list[LabellingCost]:
    """Read what was paid for so far, by purpose and model; the dearest first."""
    return [
        LabellingCost(
            purpose=row["purpose"],
            label_model=row["label_model"],
            n_responses=int(row["n_responses"]),  # PostgreSQL adds integers up to a Decimal
            prompt_tokens=int(row["prompt_tokens"]),
            cached_tokens=int(row["cached_tokens"]),
            completion_tokens=int(row["completion_tokens"]),
            cost_usd=row["cost_usd"],
        )
        for row in select_rows(store, _COSTS)
    ]


_COSTS: Final = """
    SELECT
        purpose,
        label_model,
        SUM(requests) AS n_responses,
        SUM(prompt_tokens) AS prompt_tokens,
        SUM(cached_tokens) AS cached_tokens,
        SUM(completion_tokens) AS completion_tokens,
        SUM(cost_usd) AS cost_usd
    FROM labelling_cost
    GROUP BY purpose, label_model
    ORDER BY COALESCE(SUM(cost_usd), 0) DESC, purpose, label_model
"""


def labelling_configs(store: Store) -> list[LabellingConfig]:
    """Return every labelling configuration that holds a label, by name."""
    query = select(label.c.label_model, label.c.prompt_version).distinct().order_by("label_model", "prompt_version")
    with store.read() as connection:
        return [LabellingConfig(*row) for row in connection.execute(query)]


def find_labelling_config(store: Store, label_model: str, prompt_version: str) -> LabellingConfig:
    """Find the configuration under which `label_model` gave labels with another version of the prompt.

    Raises:
        InputError: it gave none with that version.
    """
    versions = [each.prompt_version for each in labelling_configs(store) if each.label_model == label_model]
    if prompt_version in versions:
        return LabellingConfig(label_model, prompt_version)
    raise InputError(
        f"{label_model} gave no labels with the prompt version {prompt_version!r}; "
        f"{'it did with ' + ', '.join(versions) if versions else 'it has given none at all'}"
    )


def measure_wording(store: Store, labelling_config: LabellingConfig) -> LabelWording:
    """Count the evidence that was quoted and found, and the explanations that are longer than asked for."""
    score = label_score.c
    spaces = func.length(score.explanation) - func.length(func.replace(score.explanation, " ", ""))
    counts = [score.evidence_found.is_not(None), score.evidence_found.is_(True), spaces >= LONGEST_EXPLANATION]
    query = select(func.count(), *(func.coalesce(func.sum(case((each, 1), else_=0)), 0) for each in counts))
    with store.read() as connection:
        return LabelWording(*connection.execute(query.where(_of_config(labelling_config))).one())


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
            own, others = (labelled_transcripts(store, each, ids=names) for each in (labelling_config, other))
            yield SharedLabels(
                other, {each.transcript_id: each for each in own}, {each.transcript_id: each for each in others}
            )


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
