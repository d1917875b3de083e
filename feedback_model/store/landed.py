"""What has landed, counted in SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, distinct, func, select

from feedback_model.records.landed import LandedData, WordCounts
from feedback_model.records.transcripts import Split
from feedback_model.store.connection import Store
from feedback_model.store.tables import batch, occurrence, reject, transcript


def read_landed(store: Store, batches: Sequence[str]) -> LandedData:
    """Count what these batches brought."""
    new = (transcript.c.origin == "real", transcript.c.batch_id.in_(batches))
    by_split = select(transcript.c.split, func.count().label("n")).where(*new).group_by(transcript.c.split)
    documents = select(func.count(distinct(transcript.c.source_id))).where(*new)
    refused = select(reject.c.code, func.count().label("n")).where(reject.c.batch_id.in_(batches))
    with store.read() as connection:
        splits: dict[Split, int] = {row.split: row.n for row in connection.execute(by_split)}
        known, duplicate, unusable = connection.execute(_sum_up(batches)).one()
        return LandedData(
            n_landings=len(batches),
            n_documents=connection.execute(documents).scalar_one(),
            splits=splits,
            words=_count_words(connection, new),
            n_known=known or 0,
            n_duplicate=duplicate or 0,
            n_refused=unusable or 0,
            refused={row.code: row.n for row in connection.execute(refused.group_by(reject.c.code))},
            languages={row.language: row.n for row in connection.execute(_by_language(new))},
        )


def _sum_up(batches: Sequence[str]) -> Any:
    sums = (func.sum(batch.c.n_known), func.sum(batch.c.n_duplicate), func.sum(batch.c.n_rejected))
    return select(*sums).where(batch.c.batch_id.in_(batches))


def _by_language(new: Sequence[Any]) -> Any:
    # A text that occurs in files of two languages counts in both.
    joined = transcript.outerjoin(occurrence, occurrence.c.transcript_id == transcript.c.transcript_id)
    count = func.count(distinct(transcript.c.transcript_id)).label("n")
    return select(occurrence.c.language, count).select_from(joined).where(*new).group_by(occurrence.c.language)


def _count_words(connection: Connection, new: Sequence[Any]) -> WordCounts | None:
    words = transcript.c.n_words
    row = connection.execute(
        select(func.sum(words), func.min(words), func.avg(words), func.max(words)).where(*new)
    ).one()
    return None if row[0] is None else WordCounts(int(row[0]), row[1], float(row[2]), row[3])
