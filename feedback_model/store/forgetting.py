"""What the database keeps of a speaker, a recording or a source: transcripts, refused records, and what was made of them."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, func, or_, select

from feedback_model.records.transcripts import Forgettable
from feedback_model.store.connection import Store
from feedback_model.store.label_requests import chunks
from feedback_model.store.tables import (
    batch,
    checkpoint,
    dataset,
    dataset_item,
    evaluation_item,
    label,
    occurrence,
    occurrence_speaker,
    output,
    reject,
    training_run,
    transcript,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Who or what is to be forgotten."""

    name: str
    kind: Forgettable
    spells: Callable[[str], bool]
    """Tells a spelling of the name."""
    stands_in: Callable[[str], bool]
    """Tells a text that has the name in it, as words of their own."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What the database has of some transcripts."""

    transcripts: tuple[str, ...]
    """Those meant, and their rewrites."""
    n_rewrites: int
    n_labels: int
    n_outputs: int
    n_refused: int
    """Records that were refused, of which it keeps the beginning."""
    locators: tuple[str, ...]
    """Where the transcripts were found."""
    snapshots: tuple[str, ...]
    """Paths of dataset versions that hold them, under the home folder."""
    checkpoints: tuple[str, ...]
    """Paths of checkpoints that were trained on them, likewise."""


@dataclass(frozen=True, slots=True)
class Place:
    """A transcript where it was found."""

    transcript_id: str
    document: str
    record_id: str | None
    locator: str


def speakers(store: Store) -> list[str]:
    """List the speakers as files name them."""
    with store.read() as connection:
        return list(connection.execute(select(occurrence_speaker.c.speaker).distinct()).scalars())


def transcripts_of_speakers(store: Store, names: Sequence[str]) -> tuple[str, ...]:
    """Return the transcripts that hold words of these speakers, named as files name them."""
    found = select(occurrence_speaker.c.occurrence_id).where(occurrence_speaker.c.speaker.in_(names))
    query = select(occurrence.c.transcript_id).where(occurrence.c.occurrence_id.in_(found)).distinct()
    return _ids(store, query)


def places_of_document(store: Store, name: str) -> list[Place]:
    """Return the places of a recording, told by its document, the user's id of it, its locator, or its file's path or name."""
    own = occurrence.c
    literally = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    likely = or_(own.document == name, own.record_id == name, own.locator.like(f"%{literally}%", escape="\\"))
    query = select(own.transcript_id, own.document, own.record_id, own.locator).where(likely)
    with store.read() as connection:
        found = [Place(*row) for row in connection.execute(query)]
    return [
        each for each in found if name in (each.document, each.record_id, each.locator) or lies_in(each.locator, name)
    ]


def transcripts_of_old_source(store: Store, name: str) -> tuple[str, ...]:
    """Return the transcripts of a document that were landed before their places were kept."""
    placed = select(occurrence.c.transcript_id)
    own = transcript.c
    return _ids(
        store,
        select(own.transcript_id).where(own.source_id == name, own.origin == "real", own.transcript_id.not_in(placed)),
    )


def transcripts_of_source(store: Store, name: str) -> tuple[str, ...]:
    """Return the transcripts that were landed from `name`."""
    return _ids(
        store, select(transcript.c.transcript_id).where(transcript.c.source == name, transcript.c.origin == "real")
    )


def path_of(locator: str) -> str:
    """Return the path of the file that `locator` stands in: `data/talks.jsonl` of `data/talks.jsonl:7`."""
    head, colon, line = locator.rpartition(":")
    path = head if colon and line.isdecimal() else locator
    for word in (" row ", " part "):
        head, found, number = path.rpartition(word)
        path = head if found and number.isdecimal() else path
    return path


def lies_in(locator: str, name: str) -> bool:
    """Tell whether `locator` stands in the file `name`, given as its path or its name; it may be packed in that file."""
    path = path_of(locator)
    return path == name or name in path.split("/")


def refused(connection: Connection, target: Target) -> list[int]:
    """Find the refused records that tell of a target."""
    query = select(reject, batch.c.source).join(batch, batch.c.batch_id == reject.c.batch_id)
    return [row.reject_id for row in connection.execute(query) if _tells_of(row, target)]


def _tells_of(row: Any, target: Target) -> bool:
    match target.kind:
        case "speaker":
            told = f"{row.reason}\n{row.excerpt.decode('utf-8', 'replace')}"
            return any(map(target.spells, json.loads(row.speakers or "[]"))) or target.stands_in(told)
        case "document":
            return target.name in (row.document, row.record_id, row.locator) or lies_in(row.locator, target.name)
        case "source":
            return target.name in row.source.split(", ")


def traces(store: Store, ids: Sequence[str], target: Target) -> Traces:
    """Find what the database has of these transcripts and of their rewrites, and what was refused of the target."""
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
            n_refused=len(refused(connection, target)),
            locators=tuple(sorted(find(occurrence.c.locator, occurrence.c.transcript_id, every))),
            snapshots=tuple(sorted(find(dataset.c.path, dataset.c.dataset_id, datasets))),
            checkpoints=tuple(sorted(find(checkpoint.c.path, checkpoint.c.run_id, runs))),
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


def evaluations_of_forgotten(store: Store, evaluation_id: str | None = None) -> set[str]:
    """Return the evaluations, or this one, that asked models about transcripts that are forgotten since."""
    query = (
        select(evaluation_item.c.evaluation_id)
        .join(transcript, transcript.c.transcript_id == evaluation_item.c.transcript_id)
        .where(transcript.c.origin == "forgotten")
        .distinct()
    )
    if evaluation_id is not None:
        query = query.where(evaluation_item.c.evaluation_id == evaluation_id)
    return set(_ids(store, query))


def _ids(store: Store, query: Select[tuple[str]]) -> tuple[str, ...]:
    with store.read() as connection:
        return tuple(sorted(set(connection.execute(query).scalars())))
