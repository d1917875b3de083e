"""Outputs and their judgements in SQL: an inference is one model asked in one way, an output its answer to one transcript."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, delete, select

from feedback_model.parsing import VALIDATOR, Judgement
from feedback_model.records.evaluation import FinishReason, Inference, JudgedOutput, Prediction
from feedback_model.records.scores import ScoreDistribution
from feedback_model.records.transcripts import Split
from feedback_model.store import clock, tables
from feedback_model.store.bulk import insert_missing, upsert
from feedback_model.store.connection import Store
from feedback_model.store.tables import inference, judgement, output, score_distribution
from feedback_model.traits import MAX_SCORE, MIN_SCORE, SCORES, TRAIT_KEYS

_CHUNK = 500  # ids in one IN list; SQLite's oldest limit on parameters is 999


def record_inference(store: Store, asked: Inference) -> None:
    """Write how a model is asked, unless it is known already."""
    with store.write() as connection:
        insert_missing(connection, inference, [{**asdict(asked), "created_at": clock.now()}])


def missing_outputs(store: Store, inference_id: str, transcript_ids: Collection[str]) -> list[str]:
    """Return those of `transcript_ids` that have no output yet, in their order."""
    with store.read() as connection:
        rows = connection.execute(select(output.c.transcript_id).where(output.c.inference_id == inference_id))
        answered = set(rows.scalars())
    return [transcript_id for transcript_id in transcript_ids if transcript_id not in answered]


def write_outputs(store: Store, inference_id: str, predictions: Sequence[Prediction]) -> None:
    """Write outputs in one transaction; a transcript's first output stands."""
    with store.write() as connection:
        insert_missing(connection, output, (_output_row(inference_id, prediction) for prediction in predictions))
        insert_missing(
            connection,
            score_distribution,
            (row for prediction in predictions for row in _distribution_rows(inference_id, prediction)),
        )


def _output_row(inference_id: str, prediction: Prediction) -> dict[str, Any]:
    # Named one by one: asdict copies deeply, which takes longer than SQLite needs for the row.
    return {
        "inference_id": inference_id,
        "transcript_id": prediction.transcript_id,
        "raw": prediction.raw,
        "finish_reason": prediction.finish_reason,
        "n_tokens": prediction.n_tokens,
        "seconds": prediction.seconds,
    }


def _distribution_rows(inference_id: str, prediction: Prediction) -> Iterator[dict[str, Any]]:
    known = {"inference_id": inference_id, "transcript_id": prediction.transcript_id}
    for trait, found in zip(TRAIT_KEYS, prediction.distributions or (), strict=prediction.distributions is not None):
        shares = zip(SCORES, found.probabilities, strict=True)
        yield {**known, "trait": trait, **{f"p_{score}": share for score, share in shares}}


def forget_outputs(store: Store, inference_id: str, transcript_ids: Sequence[str]) -> None:
    """Remove outputs, and what was judged of them, before they are asked for again."""
    with store.write() as connection:
        for start in range(0, len(transcript_ids), _CHUNK):
            _forget(connection, inference_id, transcript_ids[start : start + _CHUNK])


def _forget(connection: Connection, inference_id: str, transcript_ids: Sequence[str]) -> None:
    for table in (judgement, score_distribution, output):
        connection.execute(
            delete(table).where(table.c.inference_id == inference_id, table.c.transcript_id.in_(transcript_ids))
        )


def read_outputs(store: Store, inference_id: str, transcript_ids: Collection[str] | None = None) -> list[Prediction]:
    """Outputs of an inference by transcript id, of all transcripts or of some."""
    statement = select(output).where(output.c.inference_id == inference_id).order_by(output.c.transcript_id)
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [
        Prediction(row.transcript_id, bytes(row.raw), row.finish_reason, row.n_tokens, row.seconds)
        for row in rows
        if transcript_ids is None or row.transcript_id in transcript_ids
    ]


_NO_SCORES = dict.fromkeys(TRAIT_KEYS)


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


def judge_by_expectation(store: Store, inference_id: str, dataset_id: str, split: Split) -> int:
    """Take what a model was asked for its distributions alone as saying the expected scores; returns how many were new."""
    found = tables.score_distribution
    with store.read() as connection:
        rows = connection.execute(
            _of_part(select(found), found, dataset_id, split).where(found.c.inference_id == inference_id)
        ).mappings()
        expected: dict[str, dict[str, Any]] = {}
        for row in rows:
            mean = ScoreDistribution(tuple(row[f"p_{score}"] for score in SCORES)).expectation
            expected.setdefault(row["transcript_id"], {})[row["trait"]] = min(max(mean, MIN_SCORE), MAX_SCORE)
    known = {"inference_id": inference_id, "validator": VALIDATOR, "tier": "none", **_NO_FAILURE}
    with store.write() as connection:
        judged = ({**known, "transcript_id": name, **scores} for name, scores in expected.items())
        return insert_missing(connection, tables.judgement, judged)


_NO_FAILURE: Final = dict.fromkeys(("failure_code", "failure_offset", "failure_pointer"))


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
    """Read the judged outputs of one inference on one part of a dataset, by transcript id."""
    judgement = tables.judgement
    columns = (judgement.c[name] for name in ("transcript_id", "tier", *TRAIT_KEYS))
    query = (
        _of_part(select(*columns), judgement, dataset_id, split)
        .where(judgement.c.validator == VALIDATOR, judgement.c.inference_id == inference_id)
        .order_by(judgement.c.transcript_id)
    )
    with store.read() as connection:
        rows = connection.execute(query).tuples()
        return {name: JudgedOutput(tier, None if scores[0] is None else tuple(scores)) for name, tier, *scores in rows}


def _of_part(query: Select[Any], table: Any, dataset_id: str, split: Split) -> Select[Any]:
    item = tables.dataset_item
    return query.join_from(table, item, item.c.transcript_id == table.c.transcript_id).where(
        item.c.dataset_id == dataset_id, item.c.split == split
    )
