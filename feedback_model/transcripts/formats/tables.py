"""Tables in text: CSV (RFC 4180) with commas, semicolons, tabs or bars; read row by row, so that memory stays flat."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Final

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.formats.columns import TEXTS
from feedback_model.transcripts.formats.rows import Row

SEPARATORS: Final = ("\t", ";", ",", "|")
_TOLD: Final = re.compile(r"sep=(.)", re.IGNORECASE)  # a line that Excel reads
LONGEST_CELL: Final = 32 * 2**20
"""Characters; a cell beyond this has lost its closing quotation mark."""
_NAME: Final = re.compile(r"[^\W\d][\w .()/#-]{0,39}")
_ALONE: Final = ("text", "transcript", "transcription", "utterance", "sentence")
"""That a column without others is called; in small letters, they are no titles."""
_MOST_WORDS_OF_A_NAME: Final = 3


def separator_of(head: str, text_column: str = "") -> str | None:
    """Return what parts the columns of a text; None where it is no table.

    A table has names of columns in its first line, and as many cells in each line below; where one of the names is that of
    a text, the first line is enough.
    """
    first = next((line for line in head.splitlines() if line.strip()), "")
    if found := _TOLD.fullmatch(first.strip()):
        return found[1]
    return next((each for each in SEPARATORS if _is_table(head, first, each, text_column)), None)


def _is_table(head: str, first: str, separator: str, text_column: str) -> bool:
    cells = next(csv.reader([first], delimiter=separator), [])
    names = [name.strip() for name in cells]
    if not all(map(_is_name, names)) or len(set(names)) < len(names):
        return False
    if len(names) == 1:  # a title above a text would be a name, too
        return separator == "," and names[0] in (*_ALONE, text_column) and _agree(head, 1, separator)
    if any((name and name == text_column) or name.casefold() in TEXTS for name in names):
        return True
    is_prose = any(cell.startswith(" ") for cell in cells)  # "Hello, Ben"
    return not is_prose and _agree(head, len(names), separator)


def _is_name(name: str) -> bool:
    """Tell a column's name; that of an index is empty."""
    return not name or (bool(_NAME.fullmatch(name)) and len(name.split()) <= _MOST_WORDS_OF_A_NAME)


def _agree(head: str, count: int, separator: str) -> bool:
    """Tell whether each line has as many cells as the first; the last may be cut."""
    try:
        lines = list(csv.reader(head.splitlines(keepends=True)[:50], delimiter=separator))
    except csv.Error:
        return False
    filled = [cells for cells in lines if cells]
    return len(filled) > 1 and all(len(cells) == count for cells in filled[:-1] or filled)


def rows_of_table(lines: Iterable[str], name: str, separator: str) -> Iterator[Row | Reject]:
    """Yield the rows below the names of the columns; a row with more cells than names is refused."""
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        names = [cell.strip("\ufeff \t") for cell in next(filter(_is_row, reader), [])]
        number = 0
        for cells in filter(_is_row, reader):
            number += 1
            yield _row(names, cells, f"{name} row {number}")
        if not number:
            yield Reject(name, "empty", "the table has columns but no rows")
    except csv.Error as error:
        yield Reject(name, "broken_table", f"the table cannot be read: {error} (line {reader.line_num})")


def _is_row(cells: list[str]) -> bool:
    return bool(cells) and not (len(cells) <= 2 and cells[0].lower() == "sep=")


def _row(names: list[str], cells: list[str], locator: str) -> Row | Reject:
    if len(cells) > len(names):
        reason = (
            f"the row has {len(cells)} cells for {len(names)} columns; put what has a separator into quotation marks"
        )
        return Reject(locator, "broken_table", reason, "|".join(cells)[:200].encode("utf-8", "replace"))
    return Row(locator, dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=True)))
