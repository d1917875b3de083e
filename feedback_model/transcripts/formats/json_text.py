"""JSON: lines of objects, read as they come, and whole documents (RFC 8259): an object, or an array of records or of turns."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.formats.rows import Row
from feedback_model.transcripts.raw_records import excerpt

_STRING: Final = rb'"(?:[^"\\]|\\.)*(?:"|\Z)'  # the sample may end within it
_BEGINNING: Final = re.compile(
    rb"\s*(?:\{\s*(?:\}|%b\s*(?::|\Z))|\[\s*(?:[\[{\]]|%b\s*(?:[,\]]|\Z)))" % (_STRING, _STRING), re.DOTALL
)
_MARK: Final = b"\xef\xbb\xbf"


def is_json(head: bytes) -> bool:
    """Tell whether a text begins as JSON does."""
    return bool(_BEGINNING.match(head.removeprefix(_MARK)))


def is_json_lines(head: bytes) -> bool:
    """Tell lines of objects from one object over several lines: the first ends where it must, or all lines look like objects."""
    lines = [line.strip() for line in head.removeprefix(_MARK).splitlines() if line.strip()][:5]
    if not lines or not lines[0].startswith(b"{"):
        return False
    return is_object(lines[0]) or all(line.startswith(b"{") and line.endswith(b"}") for line in lines)


def is_object(line: bytes) -> bool:
    """Tell whether a line is an object, whole."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def rows_of_json_lines(lines: Iterable[bytes], name: str, longest: int) -> Iterator[Row | Reject]:
    """Yield a row a line; a line beyond `longest` bytes, or that is no object, costs itself alone."""
    for number, line in enumerate(lines, start=1):
        if line.removeprefix(_MARK).strip():
            row = _row(line, f"{name}:{number}", longest)
            yield from (
                [row] if isinstance(row, Reject) or "text" in row.fields else _records_in(row.fields, row.locator)
            )


def _row(line: bytes, locator: str, longest: int) -> Row | Reject:
    if len(line) > longest:
        return Reject(locator, "too_long", f"the line has more than {longest // 2**20} MiB", excerpt(line))
    try:
        fields = orjson.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8; save the file as UTF-8, or name its encoding with --encoding"
        return Reject(locator, "not_utf8", reason, excerpt(line))
    except orjson.JSONDecodeError as error:
        return Reject(locator, "broken_json", f"the line is not JSON: {error}", excerpt(line))
    if not isinstance(fields, dict):
        return Reject(locator, "broken_json", "the line is JSON, but not an object", excerpt(line))
    return Row(locator, fields)


def rows_of_json(text: str, name: str) -> Iterator[Row | Reject]:
    """Yield the rows of a whole document: each record of an array, or the one object. Strings in an array are texts."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        yield Reject(name, "broken_json", f"the file is not JSON: {error}", excerpt(text))
        return
    if isinstance(value, dict):
        yield from _records_in(value, name)
    else:
        yield from _numbered(value if isinstance(value, list) else [value], name)


def _records_in(value: Mapping[str, Any], name: str) -> Iterator[Row | Reject]:
    """Yield the records that a document wraps: `{"data": [...]}`; else itself."""
    wrapped = next(
        (value[key] for key in ("data", "rows", "records", "documents", "transcripts") if key in value), None
    )
    if isinstance(wrapped, list) and wrapped and all(isinstance(each, dict) for each in wrapped):
        yield from _numbered(wrapped, name)
    else:
        yield Row(name, value)


def _numbered(values: list[Any], name: str) -> Iterator[Row | Reject]:
    if not values:
        yield Reject(name, "empty", "the array has no records")
    for number, value in enumerate(values, start=1):
        if isinstance(value, dict):
            yield Row(f"{name} row {number}", value)
        elif isinstance(value, str):
            yield Row(f"{name} row {number}", {"text": value})
        else:
            yield Reject(f"{name} row {number}", "broken_json", "the record is JSON, but neither an object nor a text")
