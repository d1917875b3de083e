"""Files of transcripts: JSONL, CSV, TSV, Parquet and plain text. Tables are read by polars."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import IO

import orjson

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.raw_records import RawRecord, excerpt, record_from

LONGEST_LINE = 32 * 2**20  # bytes; a line beyond this is a broken file, not a transcript
_ROWS_AT_ONCE = 1_000
_FIELDS = ("id", "source", "document", "genre", "speaker")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Reader = Callable[[Path, str], Iterator[RawRecord | Reject]]


def read_file(path: Path, text_column: str) -> Iterator[RawRecord | Reject]:
    """Yield the documents of one file, in order; whatever is wrong with it comes as a `Reject`."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        yield Reject(str(path), "unknown_format", f"{path.suffix or 'no'} is no known ending; known are {known}")
        return
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if not start:
            yield Reject(str(path), "empty", "the file is empty")
        elif start in _UTF16 and reader is not _read_parquet:
            yield Reject(str(path), "not_utf8", "the file is UTF-16; save it as UTF-8", excerpt(start))
        else:
            yield from reader(path, text_column)
    except OSError as error:
        yield Reject(str(path), "unreadable", f"the file cannot be read: {error.strerror or error}")


def read_stream(stream: IO[bytes], name: str, text_column: str = "text") -> Iterator[RawRecord | Reject]:
    """Yield the documents of a stream, which has no ending to tell its format: JSONL if it begins like it, else one text."""
    lines = _lines(stream)
    head: list[bytes] = []
    for line in lines:
        head.append(line)
        if _begins(line):
            break
    if head and _begins(head[-1]).startswith(b"{"):
        yield from _json_lines(chain(head, lines), name, name, text_column)
    else:
        raw = b"".join(head) + stream.read(LONGEST_LINE)
        yield _too_long(raw, name, "text") if len(raw) > LONGEST_LINE else _one_text(raw, name, name)


def _begins(line: bytes) -> bytes:
    return line.removeprefix(codecs.BOM_UTF8).strip()


def _read_text(path: Path, _text_column: str) -> Iterator[RawRecord | Reject]:
    yield _one_text(path.read_bytes(), str(path), path.stem)


def _one_text(raw: bytes, locator: str, source: str) -> RawRecord | Reject:
    text = _decoded(raw, locator)
    if isinstance(text, Reject):
        return text
    if not text.strip():
        return Reject(locator, "no_text", "there is nothing but space")
    return RawRecord(text, locator, source)


def _read_jsonl(path: Path, text_column: str) -> Iterator[RawRecord | Reject]:
    with path.open("rb") as file:
        yield from _json_lines(_lines(file), str(path), path.stem, text_column)


def _json_lines(lines: Iterable[bytes], name: str, source: str, text_column: str) -> Iterator[RawRecord | Reject]:
    for number, line in enumerate(lines, start=1):
        if _begins(line):
            yield _parse_line(line, f"{name}:{number}", source, text_column)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of `file`; of one beyond `LONGEST_LINE` only its start, one byte longer than that."""
    while line := file.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE + 1)
        yield line


def _parse_line(line: bytes, locator: str, source: str, text_column: str) -> RawRecord | Reject:
    if len(line) > LONGEST_LINE:
        return _too_long(line, locator, "line")
    decoded = _decoded(line, locator)
    if isinstance(decoded, Reject):
        return decoded
    try:
        fields = orjson.loads(decoded)
    except orjson.JSONDecodeError as error:
        return Reject(locator, "broken_json", f"the line is not JSON: {error}", excerpt(line))
    if not isinstance(fields, dict):
        return Reject(locator, "broken_json", "the line is JSON, but not an object", excerpt(line))
    return record_from(fields, locator, source, text_column)


def _too_long(raw: bytes, locator: str, what: str) -> Reject:
    return Reject(locator, "too_long", f"the {what} has more than {LONGEST_LINE // 2**20} MiB", excerpt(raw))


def _decoded(raw: bytes, locator: str) -> str | Reject:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Reject(locator, "not_utf8", f"byte {error.start} is not UTF-8; save the file as UTF-8", excerpt(raw))


def _read_csv(path: Path, text_column: str) -> Iterator[RawRecord | Reject]:
    import polars

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        # Lossy, so that one wrong byte costs one row: the row with U+FFFD in it.
        table = polars.read_csv(path, separator=separator, infer_schema=False, encoding="utf8-lossy")
    except polars.exceptions.PolarsError as error:
        yield Reject(str(path), "broken_table", f"the table cannot be read: {_first_line(error)}")
        return
    yield from _rows(path, table.columns, table.iter_slices(_ROWS_AT_ONCE), text_column)


def _read_parquet(path: Path, text_column: str) -> Iterator[RawRecord | Reject]:
    import polars

    try:
        scan = polars.scan_parquet(path)
        names = scan.collect_schema().names()
        wanted = [name for name in names if name in (text_column, *_FIELDS)]
        batches = scan.select(wanted).collect_batches(chunk_size=_ROWS_AT_ONCE, maintain_order=True)
        yield from _rows(path, names, batches, text_column)
    except polars.exceptions.PolarsError as error:
        yield Reject(str(path), "broken_table", f"the table cannot be read: {_first_line(error)}")


def _rows(path: Path, names: list[str], slices: Iterator, text_column: str) -> Iterator[RawRecord | Reject]:  # type: ignore[type-arg]  # polars comes late
    if text_column not in names:
        yield record_from(dict.fromkeys(names), str(path), path.stem, text_column)
        return
    number = 0
    for part in slices:
        for fields in part.iter_rows(named=True):
            number += 1
            yield _checked(record_from(fields, f"{path} row {number}", path.stem, text_column))
    if not number:
        yield Reject(str(path), "empty", "the table has columns but no rows")


def _checked(record: RawRecord | Reject) -> RawRecord | Reject:
    if isinstance(record, RawRecord) and "\ufffd" in record.text:
        return Reject(record.locator, "not_utf8", "the row is not UTF-8; save the file as UTF-8", excerpt(record.text))
    return record


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


_READERS: Mapping[str, Reader] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".txt": _read_text,
}
