"""Transcripts and batches in SQL: what landing writes, what every later stage reads, what retraining claims."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, func, insert, select, update

from feedback_model.records.identifiers import content_id
from feedback_model.records.transcripts import Occurrence, Origin, Split, Transcript
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.tables import batch, occurrence, occurrence_speaker, reject, transcript

_IDS_AT_ONCE = 10_000  # SQLite takes 32,766 parameters in a statement

Standing = Literal["whole", "cut_off", "forgotten"]
"""How a transcript stands that is stored: in a batch, left by a landing that was cut off, or as a tombstone."""

_THERE = transcript.c.origin != "forgotten"

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
class NewOccurrence:
    """A place where a transcript was found, about to be stored."""

    occurrence: Occurrence
    persons: Mapping[str, str]
    """Those of its speakers who are known by name: how the file spells it, and how all files are taken to."""

    @property
    def occurrence_id(self) -> str:
        """Its name. Folders do not count, so that a file may move, nor lines where the record has an id of its own."""
        own = self.occurrence
        name = own.locator.rsplit("/", 1)[-1]
        where = own.record_id, name if own.record_id is None else re.sub(r":\d+$| row \d+$", "", name)
        return content_id(
            "occurrence", own.transcript_id, own.document, *where, own.piece, own.start, own.end, own.speakers
        )


@dataclass(frozen=True, slots=True)
class PlacedTranscript:
    """A transcript that is stored, with what decides where its like is placed."""

    transcript_id: str
    source_id: str
    split: Split
    signature: bytes


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
    speakers: tuple[str, ...] = ()
    """Whose words it holds, as the file names them; empty where it names nobody, or could not be read so far."""
    document: str | None = None
    """The recording, as a transcript of it would name it."""
    record_id: str | None = None
    """The id that its user gave it."""


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
    query = select(func.count()).select_from(transcript).where(_THERE)
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def _conditions(split: Split | None, origin: Origin | None) -> list[Any]:
    wanted = ((transcript.c.split, split), (transcript.c.origin, origin))
    return [_THERE, *(column == value for column, value in wanted if value is not None)]


def _among(ids: Sequence[str]) -> Any:
    return transcript.c.transcript_id.in_(ids)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE))


# ---- landing -----------------------------------------------------------------------------------------------------


def places(store: Store) -> list[PlacedTranscript]:
    """Read of every transcript where it was placed, and by what near duplicates of it are found."""
    columns = (transcript.c.transcript_id, transcript.c.source_id, transcript.c.split, transcript.c.signature)
    query = select(*columns).where(_THERE).order_by(transcript.c.transcript_id)
    with store.read() as connection:
        return [PlacedTranscript(*row) for row in connection.execute(query)]


def splits_of_persons(store: Store) -> dict[str, Split]:
    """Read in which split each person is heard who is known by name."""
    query = (
        select(occurrence_speaker.c.person, transcript.c.split)
        .join(occurrence, occurrence.c.occurrence_id == occurrence_speaker.c.occurrence_id)
        .join(transcript, transcript.c.transcript_id == occurrence.c.transcript_id)
        .where(occurrence_speaker.c.person.is_not(None))
        .distinct()
    )
    with store.read() as connection:
        return {row.person: row.split for row in connection.execute(query)}


def stored_of(store: Store, ids: Sequence[str]) -> Mapping[str, Standing]:
    """Return how those of `ids` stand that are stored."""
    columns = (transcript.c.transcript_id, transcript.c.origin, transcript.c.batch_id)
    with store.read() as connection:
        found = (row for part in _parts(ids) for row in connection.execute(select(*columns).where(_among(part))))
        return {row.transcript_id: _standing(row.origin, row.batch_id) for row in found}


def _standing(origin: str, batch_id: str | None) -> Standing:
    if origin == "forgotten":
        return "forgotten"
    return "whole" if origin == "augmented" or batch_id is not None else "cut_off"


def add_transcripts(store: Store, arrivals: Sequence[NewTranscript], occurrences: Sequence[NewOccurrence] = ()) -> int:
    """Store transcripts that belong to no batch yet, and where texts occurred; returns how many transcripts were new."""
    moment = now()
    with store.write() as connection:
        added = insert_missing(connection, transcript, [_row(arrival, moment) for arrival in arrivals])
        insert_missing(connection, occurrence, [_occurrence_row(each, moment) for each in occurrences])
        speakers = [row for each in occurrences for row in _speaker_rows(each)]
        insert_missing(connection, occurrence_speaker, speakers)
    return added


def _row(arrival: NewTranscript, moment: str) -> dict[str, object]:
    own = arrival.transcript
    return {
        **{column.name: getattr(own, column.name) for column in _COLUMNS},
        "n_words": arrival.n_words,
        "batch_id": None,
        "signature": arrival.signature,
        "landed_at": moment,
    }


def _occurrence_row(new: NewOccurrence, moment: str) -> dict[str, object]:
    own = new.occurrence
    return {
        "occurrence_id": new.occurrence_id,
        "transcript_id": own.transcript_id,
        "document": own.document,
        "record_id": own.record_id,
        "locator": own.locator.replace("\0", ""),
        "piece": own.piece,
        "pieces": own.pieces,
        "start_seconds": own.start,
        "end_seconds": own.end,
        "language": own.language,
        "landed_at": moment,
    }


def _speaker_rows(new: NewOccurrence) -> Iterator[dict[str, object]]:
    for place, name in enumerate(new.occurrence.speakers, start=1):
        yield {
            "occurrence_id": new.occurrence_id,
            "place": place,
            "speaker": name.replace("\0", ""),
            "person": new.persons.get(name),
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
        "speakers": json.dumps(one.speakers, ensure_ascii=False).replace("\\u0000", "") if one.speakers else None,
        "document": one.document,
        "record_id": one.record_id,
        **{key: value.replace("\0", "") for key, value in text.items()},
    }
