"""Rows of tables and of JSON as recordings: a row may be a recording, one turn of it, or have its turns nested in it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from feedback_model.errors import InputError
from feedback_model.records.recordings import Recording, Turn
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.formats.columns import Columns, find_columns
from feedback_model.transcripts.formats.recognisers import Speech, read_speech
from feedback_model.transcripts.formats.texts import read_cell
from feedback_model.transcripts.formats.times import seconds_of
from feedback_model.transcripts.raw_records import excerpt
from feedback_model.transcripts.reading_options import ReadingOptions

MOST_CHARACTERS: Final = 8 * 2**20
"""Of a recording that comes row by row; what follows is another part of it, so that memory stays flat."""
_EXACT: Final = 2**53  # below it every whole number has a floating-point number of its own


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in its file."""

    locator: str
    fields: Mapping[str, Any]


def recordings_of_rows(
    rows: Iterable[Row | Reject], source: str, options: ReadingOptions, *, is_table: bool = False
) -> Iterator[Recording | Reject]:
    """Yield the recordings that `rows` make, in order. Rows that are turns (same document, or times without one) become one.

    Args:
        rows: of one file; the first that tells which column holds the text tells it for all.
        source: what the file or data set is called.
        is_table: all rows have the same columns, so that a missing one is told once.
    """
    reading = _Rows(source, options)
    for row in rows:
        found = row if isinstance(row, Reject) else reading.read(row)
        if isinstance(found, _TurnOf):
            yield from reading.take(found)
            continue
        yield from reading.end()
        yield found
        if is_table and reading.columns is None and isinstance(found, Reject) and not isinstance(row, Reject):
            return
    yield from reading.end()


@dataclass(frozen=True, slots=True)
class _TurnOf:
    """A row that is one turn of a recording."""

    row: Row
    document: str | None
    turn: Turn


@dataclass
class _Rows:
    """The rows of one file on their way to recordings, with the turns of the recording at hand."""

    source: str
    options: ReadingOptions
    columns: Columns | None = None
    gathered: list[_TurnOf] = field(default_factory=list)
    characters: int = 0

    def read(self, row: Row) -> Recording | Reject | _TurnOf:
        """Read a row as what it is."""
        wanted = self.options.text_column
        speech = None if wanted and wanted in row.fields else _nested(row.fields)
        if speech:
            return _recording(row, speech.turns, self.source, language=speech.language)
        columns = self.columns or find_columns(row.fields, wanted, self.options.speaker_column)
        if isinstance(columns, str):
            return Reject(row.locator, "no_text", columns)
        self.columns = columns
        turn = _turn_of(row, columns)
        return turn if isinstance(turn, Reject) else self._placed(row, columns, turn)

    def _placed(self, row: Row, columns: Columns, turn: Turn) -> Recording | Reject | _TurnOf:
        """Tell a turn of a recording, which has times or stands under the name of one, from a recording."""
        document, own = _word(row.fields, columns.document), word_of(row.fields.get("id"))
        is_turn = turn.start is not None or (document and turn.speaker and own is None)
        if is_turn and (document or own is None or own.isdecimal()):
            return _TurnOf(row, document, turn)
        try:
            return _recording(row, _turns_in(turn), self.source)
        except InputError as error:
            return Reject(row.locator, "unknown_format", str(error), excerpt(turn.text))

    def take(self, found: _TurnOf) -> Iterator[Recording]:
        """Add a turn to the recording at hand; one of another recording ends that first."""
        last = self.gathered[-1] if self.gathered else None
        follows = last and last.document == found.document and self.characters <= MOST_CHARACTERS
        if last and not (follows and (found.document or (found.turn.start or 0.0) >= (last.turn.start or 0.0))):
            yield from self.end()
        self.gathered.append(found)
        self.characters += len(found.turn.text)

    def end(self) -> Iterator[Recording]:
        """Yield the recording at hand, if there is one."""
        if self.gathered:
            first, turns = self.gathered[0], tuple(each.turn for each in self.gathered)
            self.gathered, self.characters = [], 0
            yield _recording(first.row, turns, self.source, document=first.document, is_whole=len(turns) > 1)


def _nested(fields: Mapping[str, Any]) -> Speech | None:
    """Return the turns nested in a row, unless its text says more than they do."""
    if not any(isinstance(value, list | dict) for value in fields.values()):
        return None
    speech = read_speech(fields)
    text = fields.get("text")
    if speech and isinstance(text, str) and sum(len(turn.text) for turn in speech.turns) < len(text) / 2:
        return None
    return speech


def _turn_of(row: Row, columns: Columns) -> Turn | Reject:
    text = row.fields.get(columns.text)
    if text is None and columns.text not in row.fields:
        names = ", ".join(sorted(str(name) for name in row.fields)) or "none"
        words = f"there is no field {columns.text!r} (fields: {names}); name it with --text-column"
        return Reject(row.locator, "no_text", words)
    if not isinstance(text, str) or not text.strip():
        return Reject(row.locator, "no_text", f"the field {columns.text!r} holds no text", excerpt(repr(text)))
    if "\ufffd" in text:
        return Reject(row.locator, "not_utf8", "the row is not UTF-8; name its encoding with --encoding", excerpt(text))
    start, end = (_seconds(row.fields, name) for name in (columns.start, columns.end))
    return Turn(_word(row.fields, columns.speaker), start, end, text)


def _turns_in(turn: Turn) -> tuple[Turn, ...]:
    """Read a whole transcript in one cell, such as captions or a dialogue, as its file would be read; else the turn itself."""
    is_whole = turn.speaker is None and turn.start is None and ("\n" in turn.text or turn.text.lstrip()[:1] == "<")
    turns = tuple(each for each in read_cell(turn.text) if each.text.strip()) if is_whole else ()
    return turns or (turn,)


def _seconds(fields: Mapping[str, Any], name: str | None) -> float | None:
    """Return a time; in the table that Whisper writes and in columns that say so it is in milliseconds."""
    seconds = seconds_of(fields.get(name)) if name else None
    is_whisper = list(fields) == ["start", "end", "text"] and str(fields["start"]).isdecimal()
    return (
        seconds / 1000
        if seconds is not None and (is_whisper or str(name).casefold().endswith(("_ms", "(ms)")))
        else seconds
    )


def _word(fields: Mapping[str, Any], name: str | None) -> str | None:
    return None if name is None else word_of(fields.get(name))


def _recording(
    row: Row,
    turns: tuple[Turn, ...],
    source: str,
    *,
    document: str | None = None,
    language: str | None = None,
    is_whole: bool = False,
) -> Recording:
    fields = row.fields
    return Recording(
        turns,
        row.locator,
        None if is_whole else word_of(fields.get("id")),
        language or word_of(fields.get("language")),
        word_of(fields.get("source")) or source,
        document or word_of(fields.get("document")),
        word_of(fields.get("genre")) or "",
    )


def word_of(value: object) -> str | None:
    """Return a name as text: ids may be numbers, dates or UUIDs; a column of numbers with a gap holds 7 as 7.0."""
    if value is None:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        value = int(value) if value.is_integer() and abs(value) < _EXACT else value
    if not isinstance(value, str | int | float | Decimal | date | UUID):
        return None
    return str(value).replace("\0", "").strip() or None  # NUL characters would break PostgreSQL
