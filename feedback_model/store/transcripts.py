"""Transcripts and batches in SQL: what landing writes, what every later stage reads, what retraining claims."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update

from feedback_model.records.transcripts import Origin, Split, Transcript
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import DatabaseNow, now, read_clock
from feedback_model.store.connection import Store
from feedback_model.store.owners import is_alive
from feedback_model.store.tables import batch, reject, transcript

CLAIM_LIFETIME = timedelta(hours=24)  # until a claim whose owner cannot be looked at (another host) counts as dead
_IDS_AT_ONCE = 10_000  # SQLite takes 32,766 parameters in a statement

_COLUMNS = (
    transcript.c.transcript_id,
    transcript.c.source_id,
    transcript.c.text,
    transcript.c.source,
    transcript.c.genre,
    transcript.c.split,
    transcript.c.origin,
    transcript.c.parent_id,
)


@dataclass(frozen=True, slots=True)
class NewTranscript:
    """A transcript about to be stored, with what only the store keeps of it."""

    transcript: Transcript
    n_words: int
    """As `cleaning.count_words` counts."""
    signature: bytes
    """MinHash, as `near_duplicates.signature_of` makes it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Something landed that cannot be used."""

    locator: str
    """Where it stands: `file:line`, or `file row n`, or the file."""
    code: str
    """One word for the kind of trouble: `broken_json`, `too_short`."""
    reason: str
    """One sentence for a person."""
    excerpt: bytes = b""
    """How it begins."""


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """Counts of one landing, in transcripts and rejects."""

    accepted: int
    known: int
    duplicate: int
    rejected: int


def transcripts(
    store: Store, split: Split | None = None, origin: Origin | None = None, ids: Sequence[str] | None = None
) -> list[Transcript]:
    """Transcripts in the order of their ids; all of them unless narrowed by split, origin or ids."""
    query = select(*_COLUMNS).order_by(transcript.c.transcript_id)
    query = query.where(*_conditions(split, origin))
    with store.read() as connection:
        if ids is None:
            rows = list(connection.execute(query))
        else:
            rows = [row for part in _parts(sorted(set(ids))) for row in connection.execute(query.where(_among(part)))]
    return [Transcript(*row) for row in rows]


def count_transcripts(store: Store) -> int:
    """Count all transcripts."""
    query = select(func.count()).select_from(transcript)
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def _conditions(split: Split | None, origin: Origin | None) -> list[Any]:
    wanted = ((transcript.c.split, split), (transcript.c.origin, origin))
    return [column == value for column, value in wanted if value is not None]


def _among(ids: Sequence[str]) -> Any:
    return transcript.c.transcript_id.in_(ids)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE))


# ---- landing -----------------------------------------------------------------------------------------------------


def signatures(store: Store) -> list[tuple[str, str, bytes]]:
    """Id, source id and MinHash of every transcript, for finding near duplicates."""
    columns = (transcript.c.transcript_id, transcript.c.source_id, transcript.c.signature)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(transcript.c.transcript_id))]


def stored_of(store: Store, ids: Sequence[str]) -> Mapping[str, bool]:
    """Return those of `ids` that are stored; False for one that is in no batch because its landing was cut off."""
    whole = or_(transcript.c.batch_id.is_not(None), transcript.c.origin == "augmented")
    query = select(transcript.c.transcript_id, whole.label("whole"))
    with store.read() as connection:
        found = (row for part in _parts(ids) for row in connection.execute(query.where(_among(part))))
        return {row.transcript_id: bool(row.whole) for row in found}


def add_transcripts(store: Store, arrivals: Sequence[NewTranscript]) -> int:
    """Store transcripts that belong to no batch yet; returns how many were new."""
    with store.write() as connection:
        return insert_missing(connection, transcript, [_row(arrival) for arrival in arrivals])


def _row(arrival: NewTranscript) -> dict[str, object]:
    own = arrival.transcript
    return {
        **{column.name: getattr(own, column.name) for column in _COLUMNS},
        "n_words": arrival.n_words,
        "batch_id": None,
        "signature": arrival.signature,
        "landed_at": now(),
    }


def close_batch(
    store: Store, batch_id: str, source: str, *, ids: Sequence[str], counts: BatchCounts, rejects: Sequence[Reject]
) -> None:
    """Make the batch of a finished landing, with its transcripts and rejects, in one transaction.

    Before this no batch exists, so a landing that is cut off wakes no retraining. The same batch again changes nothing.
    """
    row = {"batch_id": batch_id, "landed_at": now(), "source": source}
    row |= {f"n_{name}": getattr(counts, name) for name in BatchCounts.__dataclass_fields__}
    join = (
        update(transcript)
        .where(transcript.c.transcript_id == bindparam("member"), transcript.c.batch_id.is_(None))
        .values(batch_id=batch_id)
    )
    with store.write() as connection:
        if not insert_missing(connection, batch, [row]):
            return
        if ids:
            connection.execute(join, [{"member": transcript_id} for transcript_id in ids])
        if rejects:
            connection.execute(insert(reject), [_reject_row(batch_id, one) for one in rejects])


def _reject_row(batch_id: str, one: Reject) -> dict[str, object]:
    text = {"locator": one.locator, "code": one.code, "reason": one.reason}
    # PostgreSQL text refuses U+0000, which may stand in a file name's or an error's words.
    return {
        "batch_id": batch_id,
        "excerpt": one.excerpt,
        **{key: value.replace("\0", "") for key, value in text.items()},
    }


# ---- batches -----------------------------------------------------------------------------------------------------


def unclaimed_batches(store: Store) -> tuple[str, ...]:
    """Batches with new transcripts that no living run has claimed, oldest first."""
    with store.read() as connection:
        rows, present = connection.execute(_open_batches()).all(), read_clock(connection)
        return tuple(row.batch_id for row in rows if _is_free(row, present))


def landing_times(store: Store, ids: Sequence[str]) -> dict[str, datetime]:
    """Read the landing time of each of these batches, in UTC."""
    query = select(batch.c.batch_id, batch.c.landed_at).where(batch.c.batch_id.in_(ids))
    with store.read() as connection:
        return {row.batch_id: datetime.fromisoformat(row.landed_at) for row in connection.execute(query)}


def claim_batches(store: Store, owner: str) -> tuple[str, ...]:
    """Claim every batch that waits for a retraining: nobody else gets it until `owner` is dead or releases it.

    Returns:
        The batches that are `owner`'s now, oldest first; those it had claimed before are among them.
    """
    with store.write() as connection:
        rows = connection.execute(_open_batches().with_for_update()).all()
        present = read_clock(connection)
        ids = tuple(row.batch_id for row in rows if row.claimed_by == owner or _is_free(row, present))
        if ids:
            connection.execute(
                update(batch).where(batch.c.batch_id.in_(ids)).values(claimed_by=owner, claimed_at=DatabaseNow())
            )
    return ids


def finish_batches(store: Store, ids: Sequence[str]) -> None:
    """Mark the batches of a run that has finished; they are never claimed again."""
    with store.write() as connection:
        connection.execute(update(batch).where(batch.c.batch_id.in_(ids)).values(trained_at=now()))


def release_batches(store: Store, ids: Sequence[str]) -> None:
    """Give claimed batches back, for the next run to claim."""
    with store.write() as connection:
        connection.execute(
            update(batch)
            .where(batch.c.batch_id.in_(ids), batch.c.trained_at.is_(None))
            .values(claimed_by=None, claimed_at=None)
        )


def _open_batches() -> Any:
    return (
        select(batch.c.batch_id, batch.c.claimed_by, batch.c.claimed_at)
        .where(batch.c.trained_at.is_(None), batch.c.n_accepted > 0)
        .order_by(batch.c.landed_at, batch.c.batch_id)
    )


def _is_free(row: Any, present: datetime) -> bool:
    if row.claimed_by is None:
        return True
    alive = is_alive(row.claimed_by)
    if alive is None:
        return datetime.fromisoformat(row.claimed_at) < present - CLAIM_LIFETIME
    return not alive
