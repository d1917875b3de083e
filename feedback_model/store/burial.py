"""Tombstones in the place of transcripts.

A tombstone is the transcript's row without its text, source and document. Its id, the hash of the text, keeps the text from
landing again, and tells a figure that can no longer be computed from one that was made up.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select, update

from feedback_model.errors import InputError
from feedback_model.records.labels import ClosedAttempt
from feedback_model.store.clock import now, read_clock
from feedback_model.store.connection import Store
from feedback_model.store.forgetting import Target, refused
from feedback_model.store.label_attempts import close_attempts, read_attempts
from feedback_model.store.label_claims import is_dead
from feedback_model.store.label_requests import FORGOTTEN, chunks
from feedback_model.store.owners import describe_owner, is_alive, process_owner
from feedback_model.store.tables import (
    augmentation,
    batch,
    dataset_item,
    judgement,
    label,
    label_attempt,
    label_batch,
    label_request,
    label_response,
    label_score,
    lease,
    occurrence,
    occurrence_speaker,
    output,
    reject,
    score_distribution,
    transcript,
)

TOMBSTONES: Final = select(transcript.c.transcript_id).where(transcript.c.origin == FORGOTTEN)
THEIR_REQUESTS: Final = select(label_request.c.request_id).where(label_request.c.transcript_id.in_(TOMBSTONES))
_TO_TOMBSTONES: Final = update(transcript).values(
    text="",
    source_id=transcript.c.transcript_id,
    source="",
    genre="",
    n_words=0,
    signature=b"",
    parent_id=None,
    origin=FORGOTTEN,
    forgotten_at=bindparam("moment"),
)
_SILENT: Final = {
    "excerpt": b"",
    "reason": "what it held was forgotten",
    "speakers": None,
    "document": None,
    "record_id": None,
}


def others_at_work(store: Store) -> list[str]:
    """Describe who holds a lease at this moment, this process aside: `train:4f1d... by process 7 on host`."""
    with store.read() as connection:
        rows, present = connection.execute(select(lease)).all(), read_clock(connection).timestamp()
    alive = [
        row
        for row in rows
        if row.owner != process_owner() and is_alive(row.owner) is not False and row.expires_at > present
    ]
    return [f"{row.name.split('/')[0]} by {describe_owner(row.owner)}" for row in alive]


def bury(store: Store, ids: Sequence[str], target: Target) -> None:
    """Put tombstones in the place of these transcripts, and remove all that was made of them, in one transaction.

    Args:
        target: refused records that tell of it lose their words, and batches its name.

    Raises:
        InputError: a labeller is being asked about them.
    """
    with store.write() as connection:
        silenced = refused(connection, target)
        for part in chunks(ids):
            connection.execute(_TO_TOMBSTONES.where(transcript.c.transcript_id.in_(part)), {"moment": now()})
        _demand_nobody_asks(connection)
        remove_what_was_made(connection)
        for part in chunks(map(str, silenced)):
            connection.execute(update(reject).where(reject.c.reject_id.in_(map(int, part))).values(**_SILENT))
        _rename_batches(connection, target.name)


def remove_what_was_made(connection: Connection) -> None:
    """Remove all that was made of forgotten transcripts; what a process wrote after they were forgotten, too."""
    of_theirs = occurrence_speaker.c.occurrence_id.in_(
        select(occurrence.c.occurrence_id).where(occurrence.c.transcript_id.in_(TOMBSTONES))
    )
    connection.execute(delete(occurrence_speaker).where(of_theirs))
    for table in (judgement, score_distribution, output, label_score, label, occurrence):
        connection.execute(delete(table).where(table.c.transcript_id.in_(TOMBSTONES)))
    answers = label_response.c.request_id.in_(THEIR_REQUESTS), func.length(label_response.c.body) > 0
    connection.execute(update(label_response).where(*answers).values(body=b""))
    rewrites = or_(augmentation.c.parent_id.in_(TOMBSTONES), augmentation.c.transcript_id.in_(TOMBSTONES))
    connection.execute(update(augmentation).where(rewrites).values(outcome="unusable", transcript_id=None))
    _close_attempts(connection)
    unanswered = label_request.c.transcript_id.in_(TOMBSTONES), label_request.c.state != "done"
    connection.execute(
        update(label_request).where(*unanswered).values(state="failed", error=FORGOTTEN, detail=None, claimed_by=None)
    )


def _close_attempts(connection: Connection) -> None:
    """Book what a dead process had sent about them; nobody looks for the responses any more."""
    left_open = select(label_attempt.c.attempt_id).where(
        label_attempt.c.outcome == "open", label_attempt.c.request_id.in_(THEIR_REQUESTS)
    )
    found = list(connection.execute(left_open).scalars())
    attempts = [each for part in chunks(found) for each in read_attempts(connection, part)]
    if attempts:
        close_attempts(connection, [ClosedAttempt(each, "unknown", FORGOTTEN) for each in attempts])


def _demand_nobody_asks(connection: Connection) -> None:
    """Refuse while an answer about them is on its way: it would be stored after they are gone."""
    theirs = label_request.c.transcript_id.in_(TOMBSTONES)
    jobs = (
        select(func.count(func.distinct(label_attempt.c.request_id)))
        .join(label_batch, label_batch.c.job_id == label_attempt.c.job_id)
        .where(label_attempt.c.request_id.in_(THEIR_REQUESTS), label_batch.c.state.in_(("prepared", "submitted")))
    )
    claims = select(label_request.c.claimed_by, label_request.c.updated_at).where(
        theirs, label_request.c.state == "claimed", label_request.c.claimed_by.is_not(None)
    )
    sent = (
        select(label_attempt.c.owner, label_request.c.updated_at)
        .join(label_request, label_request.c.request_id == label_attempt.c.request_id)
        .where(theirs, label_attempt.c.outcome == "open", label_attempt.c.job_id.is_(None))
    )
    present = read_clock(connection)
    rows = [*connection.execute(claims.with_for_update()), *connection.execute(sent)]
    asked = connection.execute(jobs).scalar_one() + sum(not is_dead(owner, moment, present) for owner, moment in rows)
    if asked:
        raise InputError(
            f"a labeller is being asked about {asked} of these transcripts; forget them when that has ended "
            "(`feedback label` brings in what a batch has answered)"
        )


def _rename_batches(connection: Connection, name: str) -> None:
    for row in connection.execute(select(batch.c.batch_id, batch.c.source)).all():
        kept = ", ".join(FORGOTTEN if source == name else source for source in row.source.split(", "))
        if kept != row.source:
            connection.execute(update(batch).where(batch.c.batch_id == row.batch_id).values(source=kept))


def tombstones(store: Store) -> set[str]:
    """Read the ids of all forgotten transcripts."""
    with store.read() as connection:
        return set(connection.execute(TOMBSTONES).scalars())


def forgotten_of_dataset(store: Store, dataset_id: str, splits: Iterable[str]) -> dict[str, str]:
    """Read which transcripts of some splits of a dataset version are forgotten, with when they were."""
    held = (
        dataset_item.c.dataset_id == dataset_id,
        dataset_item.c.transcript_id == transcript.c.transcript_id,
        dataset_item.c.split.in_(tuple(splits)),
    )
    query = select(transcript.c.transcript_id, transcript.c.forgotten_at).where(
        transcript.c.origin == FORGOTTEN, exists().where(*held)
    )
    with store.read() as connection:
        return {row.transcript_id: row.forgotten_at for row in connection.execute(query)}
