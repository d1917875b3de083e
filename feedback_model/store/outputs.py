"""What models said, as it came, in SQL: one inference is one way of asking one model, one output one transcript's answer."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from feedback_model.records import Decoding, Prediction
from feedback_model.store import clock
from feedback_model.store.connection import Store
from feedback_model.store.tables import inference, judgement, output
from feedback_model.store.upsert import insert_missing

_CHUNK = 500  # ids in one IN list; SQLite's oldest limit on parameters is 999


@dataclass(frozen=True, slots=True)
class Inference:
    """One way of asking one model."""

    inference_id: str
    model_id: str
    decoding: Decoding
    prompt_version: str
    max_new_tokens: int
    device: str


def record_inference(store: Store, asked: Inference) -> None:
    """Write how a model is asked, unless it is known already."""
    with store.write() as connection:
        insert_missing(connection, inference, [{**asdict(asked), "created_at": clock.now()}])


def missing_outputs(store: Store, inference_id: str, transcript_ids: Collection[str]) -> list[str]:
    """Those of `transcript_ids` that have no output yet, in their order."""
    with store.read() as connection:
        rows = connection.execute(select(output.c.transcript_id).where(output.c.inference_id == inference_id))
        answered = set(rows.scalars())
    return [transcript_id for transcript_id in transcript_ids if transcript_id not in answered]


def write_outputs(store: Store, inference_id: str, predictions: Sequence[Prediction]) -> None:
    """Write outputs in one transaction; a transcript's first output stands."""
    with store.write() as connection:
        insert_missing(connection, output, (_output_row(inference_id, prediction) for prediction in predictions))


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


def forget_outputs(store: Store, inference_id: str, transcript_ids: Sequence[str]) -> None:
    """Remove outputs, and what was judged of them, before they are asked for again."""
    with store.write() as connection:
        for start in range(0, len(transcript_ids), _CHUNK):
            _forget(connection, inference_id, transcript_ids[start : start + _CHUNK])


def _forget(connection: Connection, inference_id: str, transcript_ids: Sequence[str]) -> None:
    for table in (judgement, output):
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
