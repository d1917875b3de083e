"""Files of any kind as recordings: opened, decoded, and read by what is in them. What a file is called says nothing."""

import codecs
import io
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from lzma import LZMAError
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final, TypeVar

from feedback_model.errors import FeedbackError, InputError
from feedback_model.records.recordings import Recording, Turn
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.containers import ZIP, Source, joined, read_some, unpack
from feedback_model.transcripts.encodings import SAMPLE_BYTES, encoding_of
from feedback_model.transcripts.formats import columnar, json_text
from feedback_model.transcripts.formats.rows import Row, recordings_of_rows
from feedback_model.transcripts.formats.tables import rows_of_table, separator_of
from feedback_model.transcripts.formats.texts import HEAD_CHARACTERS, read_prose, read_text, reader_of
from feedback_model.transcripts.raw_records import excerpt
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions

LONGEST_LINE = 32 * 2**20  # bytes; a line beyond this is a broken file, not a transcript
LONGEST_DOCUMENT = 64 * 2**20  # bytes of a document that is read whole: captions, JSON over several lines, a page
_PART = 4 * 2**20  # characters of a plain text; what is longer is read part by part
_DAMAGED: Final = (OSError, EOFError, zlib.error, LZMAError, zipfile.BadZipFile, tarfile.TarError, RuntimeError)
_NO_TEXTS: Final = {
    b"%PDF": "a PDF; save its text",
    b"\xd0\xcf\x11\xe0": "an old Office document; save it as .docx, .xlsx or text",
    b"{\\rtf": "rich text; save it as .docx or text",
    b"RIFF": "sound or a film; transcribe it first",
    b"ID3": "sound; transcribe it first",
    b"OggS": "sound; transcribe it first",
    b"fLaC": "sound; transcribe it first",
    b"\x89PNG": "a picture, and no text",
    b"\xff\xd8\xff": "a picture, and no text",
    b"GIF8": "a picture, and no text",
    b"SQLite format 3": "a database; export it as CSV",
}

_Found = Iterator[Recording | Reject]
_Each = TypeVar("_Each")


def read_file(path: Path, options: ReadingOptions, assumptions: Assumptions) -> _Found:
    """Yield the recordings of one file, in order; whatever is wrong with it comes as a `Reject`."""
    return _guarded(_name_of(path), _recordings_of(path, options, assumptions))


def read_stream(
    stream: IO[bytes], name: str, options: ReadingOptions, assumptions: Assumptions, *, source: str = ""
) -> _Found:
    """Yield the recordings of a stream; those of JSON lines as they come.

    Args:
        source: what it is called, for records that name no source themselves; empty: `name`.
    """
    return _guarded(name, Reading(source or name, options, assumptions).recordings(stream, name))


def read_rows(path: Path) -> Iterator[Row | Reject]:
    """Yield the rows of one file of records: a table, a workbook, or JSON; what is none comes as a `Reject`."""
    return _guarded(str(path), _rows_of(path))


def _recordings_of(path: Path, options: ReadingOptions, assumptions: Assumptions) -> _Found:
    with path.open("rb") as file:
        yield from Reading(Path(_name_of(path)).stem, options, assumptions).recordings(file, _name_of(path), path)


def _name_of(path: Path) -> str:
    """Return a path in UTF-8, which a file system need not keep to."""
    return os.fsencode(path).decode("utf-8", "replace")


def _rows_of(path: Path) -> Iterator[Row | Reject]:
    with path.open("rb") as file:
        for found in Reading(path.stem, ReadingOptions()).contents(file, str(path), path):
            if found.rows is not None:
                yield from found.rows
            else:
                yield found.reject or Reject(found.name, "no_rows", "it is neither a table nor JSON")


def _guarded(name: str, found: Iterator[_Each]) -> Iterator[_Each | Reject]:
    """Yield `found`, and what ends it early as the last."""
    try:
        yield from found
    except InputError as error:
        yield Reject(name, "unreadable", str(error))
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        yield Reject(name, "unreadable", f"the file cannot be read: {reason}")
    except FeedbackError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes its reader raise, it stops no other file
        yield Reject(name, "unreadable", f"the file cannot be read: {type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file, or in a member of one: rows, or turns, or neither."""

    name: str
    rows: Iterable[Row | Reject] | None = None
    is_table: bool = False
    turns: Iterator[tuple[Turn, ...]] | None = None
    """Of one recording; in several parts where it is too long to be held."""
    reject: Reject | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One file on its way in."""

    source: str
    """What the file is called, for records that name no source themselves."""
    options: ReadingOptions
    assumptions: Assumptions = field(default_factory=Assumptions)

    def recordings(self, stream: IO[bytes], name: str, path: Path | None = None) -> _Found:
        """Yield the recordings in a file or a stream."""
        for found in self.contents(stream, name, path):
            if found.reject:
                yield found.reject
            elif found.rows is not None:
                yield from recordings_of_rows(found.rows, self.source, self.options, is_table=found.is_table)
            elif found.turns:
                yield from self._whole(found.name, found.turns)

    def _whole(self, name: str, parts: Iterator[tuple[Turn, ...]]) -> _Found:
        try:
            first, second = next(parts, ()), next(parts, None)
        except InputError as error:
            yield Reject(name, "unknown_format", str(error))
            return
        if not any(turn.text.strip() for turn in first):
            yield Reject(name, "no_text", "there is nothing said in it")
        elif second is None:
            yield Recording(first, name, source=self.source)
        else:
            for number, turns in enumerate(chain((first, second), parts), start=1):
                yield Recording(turns, f"{name} part {number}", source=self.source, document=name)

    def contents(self, stream: IO[bytes], name: str, path: Path | None = None) -> Iterator[Content]:
        """Yield what is in a file: itself, or the members of a container. Each must be read before the next is asked for.

        Raises:
            InputError: it cannot be opened, or unpacks to too much.
        """
        for member in unpack(Source(stream, name)):
            yield self._content(member, None if member.is_packed else path)

    def _content(self, member: Source, path: Path | None) -> Content:
        head, stream = _sample(member.stream)
        name = member.name
        known = next((what for magic, what in _NO_TEXTS.items() if head.startswith(magic)), None)
        if head[4:8] == b"ftyp":
            known = _NO_TEXTS[b"RIFF"]
        if not head:
            return Content(name, reject=Reject(name, "empty", "the file is empty"))
        if known:
            return Content(name, reject=Reject(name, "unknown_format", f"this is {known}"))
        if head.startswith((columnar.PARQUET, columnar.ARROW_FILE, columnar.ARROW_STREAM)):
            return Content(name, _rows_of_columnar(head, stream, name, path), is_table=True)
        if head.startswith(ZIP):
            return self._office(stream, name)
        return self._text(head, stream, name)

    def _office(self, stream: IO[bytes], name: str) -> Content:
        from feedback_model.transcripts.formats.word import docx_text
        from feedback_model.transcripts.formats.workbook import rows_of_workbook

        file = io.BytesIO(stream.read())
        with zipfile.ZipFile(file) as archive:
            is_workbook = "xl/workbook.xml" in archive.namelist()
        file.seek(0)
        if is_workbook:
            return Content(name, rows_of_workbook(file, name), is_table=True)
        return Content(name, turns=map(read_text, [docx_text(file)]))

    def _text(self, head: bytes, stream: IO[bytes], name: str) -> Content:
        encoding = self._encoding(head, name)
        if encoding is None:
            reason = "the file is no text in an encoding that is known; save it as UTF-8, or name its encoding with --encoding"
            return Content(name, reject=Reject(name, "not_utf8", reason, excerpt(head)))
        return self._decoded(head, stream, name, encoding)

    def _encoding(self, head: bytes, name: str) -> str | None:
        if self.options.encoding:
            return codecs.lookup(self.options.encoding).name
        if json_text.is_json_lines(head):
            return "utf-8"  # by its standard; a line that is not costs itself alone
        found = encoding_of(head)
        if found and not found[0].startswith("utf-8"):
            how = "by its mark" if found[1] else "assumed; --encoding names another"
            self.assumptions.note(f"encoding {found[0]} ({how})", name)
        return found and found[0]

    def _decoded(self, head: bytes, stream: IO[bytes], name: str, encoding: str) -> Content:
        start = head.decode(encoding, "ignore") if encoding != "utf-8" else ""
        if json_text.is_json_lines(start.encode("utf-8", "replace") if start else head):
            lines = _lines(stream) if not start else _recoded(stream, encoding)
            return Content(name, json_text.rows_of_json_lines(lines, name, LONGEST_LINE))
        start = (start or head.decode(encoding, "ignore"))[:HEAD_CHARACTERS].removeprefix("\ufeff")
        if json_text.is_json(start.encode("utf-8", "replace")):
            return self._document(stream, name, encoding, None)
        reader = reader_of(start)
        separator = None if reader else separator_of(start, self.options.text_column)
        if separator:
            lines = _readlines(_decoding(stream, encoding, newline=""))
            return Content(name, rows_of_table(lines, name, separator), is_table=True)
        if reader:
            return self._document(stream, name, encoding, reader)
        return Content(name, turns=_prose(stream, encoding))

    def _document(self, stream: IO[bytes], name: str, encoding: str, reader: object) -> Content:
        raw = stream.read(LONGEST_DOCUMENT + 1)
        if len(raw) > LONGEST_DOCUMENT:
            reason = f"it has more than {LONGEST_DOCUMENT // 2**20} MiB; cut it, or write JSON lines, CSV or Parquet"
            return Content(name, reject=Reject(name, "too_long", reason, excerpt(raw)))
        text = raw.decode(encoding, "replace").removeprefix("\ufeff")
        if reader is None:
            return Content(name, json_text.rows_of_json(text, name))
        return Content(name, turns=map(reader, [text]))  # type: ignore[arg-type]


def _sample(stream: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    """Return the beginning of `stream`: no more than a first line of JSON, for somebody may wait for the answer to it."""
    head = b""
    while len(head) < SAMPLE_BYTES and not _has_object(head) and (part := read_some(stream, 2**16)):
        head += part
    return head, joined(head, stream)


def _has_object(head: bytes) -> bool:
    line, end, _ = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    return bool(end) and line.startswith(b"{") and json_text.is_object(line)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of `file`; of one beyond `LONGEST_LINE` only its start, one byte longer than that."""
    while line := file.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE + 1)
        yield line


def _recoded(stream: IO[bytes], encoding: str) -> Iterator[bytes]:
    return (line.encode("utf-8", "replace") for line in _readlines(_decoding(stream, encoding)))


def _decoding(
    stream: IO[bytes], encoding: str, *, errors: str = "replace", newline: str | None = None
) -> io.TextIOWrapper:
    return io.TextIOWrapper(stream, "utf-8-sig" if encoding == "utf-8" else encoding, errors, newline=newline)


def _readlines(text: io.TextIOWrapper) -> Iterator[str]:
    return iter(lambda: text.readline(LONGEST_LINE), "")


def _prose(stream: IO[bytes], encoding: str) -> Iterator[tuple[Turn, ...]]:
    """Yield the turns of a text that people wrote, in parts cut at an end of line or else at a space.

    Raises:
        InputError: what should be a word is longer than a part, or bytes behind the sample are no UTF-8.
    """
    text = _decoding(stream, encoding, errors="strict" if encoding.startswith("utf-8") else "replace")
    rest = ""
    while part := _read(text):
        whole = rest + part
        cut = len(whole) if len(part) < _PART else max(whole.rfind("\n"), whole.rfind(" ")) + 1
        if not cut:
            raise InputError(f"it has a word of more than {_PART // 2**20} MiB, so it is no text")
        yield read_prose(whole[:cut])
        rest = whole[cut:]
    if rest:
        yield read_prose(rest)


def _read(text: io.TextIOWrapper) -> str:
    try:
        return text.read(_PART)
    except UnicodeDecodeError as error:
        raise InputError("it is UTF-8 at its beginning only; name its encoding with --encoding") from error


def _rows_of_columnar(head: bytes, stream: IO[bytes], name: str, path: Path | None) -> Iterator[Row | Reject]:
    with NamedTemporaryFile() as copy:  # the readers want a file; that of a container or a stream is copied
        if path is None:
            shutil.copyfileobj(stream, copy, 2**20)
            copy.flush()
        place = path or Path(copy.name)
        if head.startswith(columnar.PARQUET):
            yield from columnar.rows_of_parquet(place, name)
            return
        with place.open("rb") as file:
            yield from columnar.rows_of_arrow(file, name, is_stream=head.startswith(columnar.ARROW_STREAM))
