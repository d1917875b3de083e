"""Forgetting in SQL: which transcripts are meant, what was made of them, and the tombstones that stay.

A tombstone is the transcript's row without its text, source and document. Its id, the hash of the text, keeps the text from
landing again, and tells a figure that can no longer be computed from one that was made up.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from feedback_model.store.clock import now, read_clock
from feedback_model.store.connection import Store
from feedback_model.store.label_requests import chunks
from feedback_model.store.owners import describe_owner, is_alive, process_owner
from feedback_model.store.tables import (
    batch,
    checkpoint,
    dataset,
    dataset_item,
    evaluation_item,
    judgement,
    label,
    label_attempt,
    label_request,
    label_response,
    label_score,
    lease,
    occurrence,
    occurrence_speaker,
    output,
    reject,
    score_distribution,
    training_run,
    transcript,
)

FORGOTTEN = "forgotten"
"""Code of a request that is never sent; origin of a tombstone."""
TOMBSTONES = select(transcript.c.transcript_id).where(transcript.c.origin == FORGOTTEN)
THEIR_REQUESTS = select(label_request.c.request_id).where(label_request.c.transcript_id.in_(TOMBSTONES))
_OPEN = label_attempt.c.outcome == "open"
_TO_TOMBSTONES = update(transcript).values(
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


@dataclass(frozen=True, slots=True)
class Traces:
    """What the database has of some transcripts."""

    transcripts: tuple[str, ...]
    """Those meant, and their rewrites."""
    n_rewrites: int
    n_labels: int
    n_outputs: int
    n_in_flight: int
    """Requests about them that a labeller is asked at this moment, or that lie in a batch at the provider."""
    snapshots: tuple[str, ...]
    """Paths of dataset versions that hold them, under the home folder."""
    checkpoints: tuple[str, ...]
    """Paths of checkpoints that were trained on them, likewise."""
    evaluations: tuple[str, ...]
    """That asked models about them."""


def speakers(store: Store) -> list[str]:
    """List the speakers as files name them."""
    with store.read() as connection:
        return list(connection.execute(select(occurrence_speaker.c.speaker).distinct()).scalars())


def transcripts_of_speakers(store: Store, names: Sequence[str]) -> tuple[str, ...]:
    """Return the transcripts that hold words of these speakers, named as files name them."""
    found = select(occurrence_speaker.c.occurrence_id).where(occurrence_speaker.c.speaker.in_(names))
    query = select(occurrence.c.transcript_id).where(occurrence.c.occurrence_id.in_(found)).distinct()
    return _ids(store, query)


def transcripts_of_document(store: Store, name: str) -> tuple[str, ...]:
    """Return the transcripts of a recording, told by its document, the user's id of it, or its file's name."""
    own = occurrence.c
    places = or_(own.document == name, own.record_id == name, own.locator == name)
    below = or_(
        own.locator.like(f"%/{_literally(name)}%", escape="\\"), own.locator.like(f"{_literally(name)}%", escape="\\")
    )
    with store.read() as connection:
        sure = set(connection.execute(select(own.transcript_id).where(places)).scalars())
        likely = connection.execute(select(own.transcript_id, own.locator).where(below)).all()
        sure |= {row.transcript_id for row in likely if file_of(row.locator) == name}
        by_source = select(transcript.c.transcript_id).where(
            transcript.c.source_id == name, transcript.c.origin == "real"
        )
        sure |= set(connection.execute(by_source).scalars())
    return tuple(sorted(sure))


def transcripts_of_source(store: Store, name: str) -> tuple[str, ...]:
    """Return the transcripts that were landed from `name`."""
    return _ids(
        store, select(transcript.c.transcript_id).where(transcript.c.source == name, transcript.c.origin == "real")
    )


def file_of(locator: str) -> str:
    """Return the name of the file that `locator` stands in: `talks.jsonl` of `data/talks.jsonl:7`."""
    name = locator.rsplit("/", 1)[-1]
    head, colon, line = name.rpartition(":")
    name = head if colon and line.isdecimal() else name
    head, word, row = name.rpartition(" row ")
    return head if word and row.isdecimal() else name


def _literally(name: str) -> str:
    return name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def traces(store: Store, ids: Sequence[str]) -> Traces:
    """Find what the database has of these transcripts and of their rewrites."""
    with store.read() as connection:
        find = _Finder(connection)
        rewrites = find(transcript.c.transcript_id, transcript.c.parent_id, ids) - set(ids)
        every = sorted({*ids, *rewrites})
        datasets = find(dataset_item.c.dataset_id, dataset_item.c.transcript_id, every)
        taught = find(dataset_item.c.dataset_id, dataset_item.c.transcript_id, every, dataset_item.c.split == "train")
        runs = find(training_run.c.run_id, training_run.c.dataset_id, taught)
        return Traces(
            transcripts=tuple(every),
            n_rewrites=len(rewrites),
            n_labels=find.count(label, every),
            n_outputs=find.count(output, every),
            n_in_flight=_in_flight(find, every),
            snapshots=tuple(sorted(find(dataset.c.path, dataset.c.dataset_id, datasets))),
            checkpoints=tuple(sorted(find(checkpoint.c.path, checkpoint.c.run_id, runs))),
            evaluations=tuple(sorted(find(evaluation_item.c.evaluation_id, evaluation_item.c.transcript_id, every))),
        )


@dataclass(frozen=True, slots=True)
class _Finder:
    """Look-ups for more ids than fit into one statement."""

    connection: Connection

    def __call__(
        self, wanted: Column[str], where: Column[str], ids: Iterable[str], *conditions: ColumnElement[bool]
    ) -> set[str]:
        query = select(wanted).distinct().where(*conditions)
        return {
            each for part in chunks(ids) for each in self.connection.execute(query.where(where.in_(part))).scalars()
        }

    def count(self, table: Table, ids: Iterable[str]) -> int:
        """Count the rows of a table that are about these transcripts."""
        query = select(func.count()).select_from(table)
        return sum(
            self.connection.execute(query.where(table.c.transcript_id.in_(part))).scalar_one() for part in chunks(ids)
        )


def _in_flight(find: _Finder, ids: Sequence[str]) -> int:
    asked = find(label_request.c.request_id, label_request.c.transcript_id, ids)
    handed_in = find(
        label_attempt.c.attempt_id, label_attempt.c.request_id, asked, _OPEN, label_attempt.c.job_id.is_not(None)
    )
    owners = find(label_attempt.c.owner, label_attempt.c.request_id, asked, _OPEN, label_attempt.c.job_id.is_(None))
    return len(handed_in) + sum(is_alive(owner) is not False for owner in owners)


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


def bury(store: Store, ids: Sequence[str], *, files: Iterable[str] = (), names: Iterable[str] = ()) -> None:
    """Put tombstones in the place of these transcripts, and remove all that was made of them, in one transaction.

    Args:
        files: whose refused records lose their words, too.
        names: which refused records and batches shall not tell any more.
    """
    with store.write() as connection:
        for part in chunks(ids):
            connection.execute(_TO_TOMBSTONES.where(transcript.c.transcript_id.in_(part)), {"moment": now()})
        _remove_what_was_made(connection)
        _silence_rejects(connection, set(files), [name.casefold() for name in names])
        _rename_batches(connection, set(names))


def _remove_what_was_made(connection: Connection) -> None:
    of_theirs = occurrence_speaker.c.occurrence_id.in_(
        select(occurrence.c.occurrence_id).where(occurrence.c.transcript_id.in_(TOMBSTONES))
    )
    connection.execute(delete(occurrence_speaker).where(of_theirs))
    for table in (judgement, score_distribution, output, label_score, label, occurrence):
        connection.execute(delete(table).where(table.c.transcript_id.in_(TOMBSTONES)))
    answers = label_response.c.request_id.in_(THEIR_REQUESTS)
    connection.execute(update(label_response).where(answers).values(body=b""))
    unanswered = label_request.c.transcript_id.in_(TOMBSTONES), label_request.c.state != "done"
    connection.execute(
        update(label_request).where(*unanswered).values(state="failed", error=FORGOTTEN, claimed_by=None)
    )


def _silence_rejects(connection: Connection, files: Set[str], names: Sequence[str]) -> None:
    for row in connection.execute(select(reject)).all():
        told = f"{row.reason}\n{row.excerpt.decode('utf-8', 'replace')}".casefold()
        if file_of(row.locator) in files or any(name in told for name in names):
            silent = {"excerpt": b"", "reason": "what it held was forgotten"}
            connection.execute(update(reject).where(reject.c.reject_id == row.reject_id).values(**silent))


def _rename_batches(connection: Connection, names: Set[str]) -> None:
    for row in connection.execute(select(batch.c.batch_id, batch.c.source)).all():
        sources = row.source.split(", ")
        kept = ", ".join(FORGOTTEN if source in names else source for source in sources)
        if kept != row.source:
            connection.execute(update(batch).where(batch.c.batch_id == row.batch_id).values(source=kept))


def tombstones(store: Store) -> dict[str, str]:
    """Read the ids of all forgotten transcripts, with when they were forgotten."""
    query = select(transcript.c.transcript_id, transcript.c.forgotten_at).where(transcript.c.origin == FORGOTTEN)
    with store.read() as connection:
        return {row.transcript_id: row.forgotten_at for row in connection.execute(query)}


def forgotten_of_dataset(store: Store, dataset_id: str) -> dict[str, str]:
    """Read which transcripts of a dataset version are forgotten, with when they were."""
    held = dataset_item.c.dataset_id == dataset_id, dataset_item.c.transcript_id == transcript.c.transcript_id
    query = select(transcript.c.transcript_id, transcript.c.forgotten_at).where(
        transcript.c.origin == FORGOTTEN, exists().where(*held)
    )
    with store.read() as connection:
        return {row.transcript_id: row.forgotten_at for row in connection.execute(query)}


def _ids(store: Store, query: Select[tuple[str]]) -> tuple[str, ...]:
    with store.read() as connection:
        return tuple(sorted(set(connection.execute(query).scalars())))
