"""Documents to score: files, folders, object stores, hub datasets and streams, in pieces that a model is given whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Final

from feedback_model.progress import check_stop
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.cleaning import count_words
from feedback_model.transcripts.documents import FEWEST_WORDS, prepare_document
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions
from feedback_model.transcripts.segmenting import count_pieces
from feedback_model.transcripts.sources import is_elsewhere, read_sources, read_stream

STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, slots=True)
class DocumentNames:
    """What a document is called, so that its user knows its rows again."""

    record_id: str | None
    """The id that its user gave it."""
    document: str
    """The user's name for the recording, which several records may share; without one the locator."""
    speaker: str | None
    locator: str
    """Where it stands: `file`, `file:line` or `file row n`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a document that is given to a model whole."""

    names: DocumentNames
    number: int
    """Counted from 1."""
    pieces: int
    """Of the document."""
    text: str
    start: float | None
    """Seconds from the recording's beginning; None where the file has no times."""
    end: float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that no model is asked about."""

    names: DocumentNames
    code: str
    reason: str


def read_pieces(
    paths: Sequence[str],
    standard_input: IO[bytes],
    options: ReadingOptions | None = None,
    assumptions: Assumptions | None = None,
) -> Iterator[Piece | Refusal]:
    """Yield the pieces of every document of `paths`, in order, and the documents that cannot be judged.

    Paths are looked at now, their content when it is asked for, so any number of documents takes the room of one.

    Raises:
        InputError: a path does not exist, a folder holds no file, or a hub dataset cannot be reached.
    """
    options, assumptions = options or ReadingOptions(), assumptions or Assumptions()
    records = chain.from_iterable([_read_records(path, standard_input, options, assumptions) for path in paths])
    return chain.from_iterable(map(_cut, records))


def expect_pieces(paths: Sequence[str], options: ReadingOptions | None = None) -> int | None:
    """Count the pieces of `paths` without cleaning them, for a bar to move by; None where they can be read only once.

    Raises:
        Interrupted: a stop was requested.
    """
    if any(is_elsewhere(path) or is_stream(path) for path in paths):
        return None
    expected = 0
    for each in read_sources(paths, options):
        check_stop()
        if isinstance(each, RawRecord) and (count := count_words(each.text)) >= FEWEST_WORDS:
            expected += count_pieces(count)
    return expected


def is_stream(path: str) -> bool:
    """Tell whether `path` can be read only once: `-`, or a pipe such as a shell puts in the place of a command."""
    return path == STANDARD_INPUT or Path(path).is_fifo()


def _read_records(
    path: str, standard_input: IO[bytes], options: ReadingOptions, assumptions: Assumptions
) -> Iterator[RawRecord | Reject]:
    if path == STANDARD_INPUT:
        return read_stream(standard_input, "standard input", options, assumptions)
    return _read_pipe(path, options, assumptions) if is_stream(path) else read_sources([path], options, assumptions)


def _read_pipe(path: str, options: ReadingOptions, assumptions: Assumptions) -> Iterator[RawRecord | Reject]:
    with Path(path).open("rb") as stream:
        yield from read_stream(stream, path, options, assumptions)


def _cut(record: RawRecord | Reject) -> Iterator[Piece | Refusal]:
    if isinstance(record, Reject):
        yield Refusal(DocumentNames(None, record.locator, None, record.locator), record.code, record.reason)
        return
    names = DocumentNames(record.record_id, record.document or record.locator, record.speaker, record.locator)
    document = prepare_document(record)
    if isinstance(document, Reject):
        yield Refusal(names, document.code, document.reason)
        return
    for number, piece in enumerate(document.pieces, start=1):
        yield Piece(names, number, len(document.pieces), piece.text, piece.start, piece.end)
