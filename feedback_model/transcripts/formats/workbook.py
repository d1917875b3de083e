"""Workbooks of spreadsheets (ECMA-376, .xlsx), read by openpyxl row by row."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import IO

from feedback_model.errors import InputError
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.formats.rows import Row


def rows_of_workbook(file: IO[bytes], name: str) -> Iterator[Row | Reject]:
    """Yield the rows of each sheet below its first, which names the columns.

    Raises:
        InputError: it cannot be read.
    """
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        for sheet in workbook.worksheets:
            place = name if len(workbook.worksheets) == 1 else f"{name} sheet {sheet.title}"
            yield from _rows(sheet.iter_rows(values_only=True), place)
    except (KeyError, ValueError, OSError, SyntaxError) as error:
        raise InputError(f"the workbook cannot be read ({error}); save it again as .xlsx, or as CSV") from error


def _rows(rows: Iterator[tuple[object, ...]], place: str) -> Iterator[Row | Reject]:
    filled = _without_title(cells for cells in rows if any(cell is not None for cell in cells))
    names = [
        f"column {number}" if cell is None else str(cell).strip() for number, cell in enumerate(next(filled, ()), 1)
    ]
    number = 0
    for number, cells in enumerate(filled, start=1):
        yield Row(f"{place} row {number}", dict(zip(names, cells, strict=False)))
    if names and not number:
        yield Reject(place, "empty", "the table has columns but no rows")


def _without_title(rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    """Leave out lines of one cell above those of several."""
    first = list(islice(rows, 5))
    widths = [sum(cell is not None for cell in cells) for cells in first]
    start = next((number for number, width in enumerate(widths) if width > 1), 0)
    return chain(first[start:], rows)
