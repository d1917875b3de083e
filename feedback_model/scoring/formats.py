"""Formats of a result: JSON lines with everything, CSV for a spreadsheet, a page for a speaker; and which rows a file holds."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from feedback_model.printable import without_controls
from feedback_model.scoring.format_names import Format
from feedback_model.scoring.page import ROW_ATTRIBUTE, render_page
from feedback_model.scoring.rows import Row, to_fields, to_json
from feedback_model.traits import TRAIT_KEYS

_PLAIN: Final = ("id", "document", "speaker", "locator", "piece", "pieces", "valid_pieces", "words", "start", "end")
_AFTER: Final = (
    "failure",
    "reason",
    "tier",
    "truncated",
    "english",
    "model",
    "model_id",
    "champion",
    "stand_in",
    "decoding",
)
_NAMES: Final = ("inference_id", "row_id", "transcript_id")
_OF_A_TRAIT: Final = ("score", "expectation", "low", "high", "explanation")
COLUMNS: Final = (*_PLAIN, *(f"{key}_{part}" for key in TRAIT_KEYS for part in _OF_A_TRAIT), *_AFTER, *_NAMES)
"""Of the CSV."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def render(rows: Iterable[Row], shape: Format) -> Iterator[str]:
    """Yield the text of a result, row by row; a page comes document by document."""
    if shape == "html":
        return render_page(rows)
    return _csv_lines(rows) if shape == "csv" else (f"{to_json(row)}\n" for row in rows)


def read_row_ids(path: Path, shape: Format) -> Iterator[str]:
    """Yield the ids of the rows that a finished result shows, but for those that combine others; nothing where it is none.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        try:
            found = _READERS[shape](file)
            yield from (row_id for row_id in found if row_id)
        except (ValueError, csv.Error):
            yield ""


def shows_feedback(path: Path, shape: Format) -> bool:
    """Tell whether a finished result has scores for any document."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        if shape == "csv":
            return any(cells.get("valid_pieces") not in {None, "", "0"} for cells in csv.DictReader(file))
        return any(_SCORES[shape] in line for line in file)


_SCORES: Final = {"jsonl": '"interval":', "html": '<dl class="traits">'}
"""What stands in a line for scores alone."""


def _csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    yield _csv_line(COLUMNS)
    for row in rows:
        fields = to_fields(row)
        for key, trait in (fields["feedback"] or {}).items():
            low, high = trait["interval"] or (None, None)
            fields |= {f"{key}_{part}": trait.get(part) for part in _OF_A_TRAIT}
            fields |= {f"{key}_low": low, f"{key}_high": high}
        yield _csv_line([_unmistakable(fields.get(column)) for column in COLUMNS])


def _csv_line(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _unmistakable(cell: Any) -> Any:
    # A spreadsheet computes what begins like a formula, and a name may hold one, or a model be talked into saying one.
    if not isinstance(cell, str):
        return cell
    shown = without_controls(cell)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _ids_of_lines(file: Iterable[str]) -> Iterator[str | None]:
    for line in file:
        fields = json.loads(line)
        yield fields.get("row_id", "") if isinstance(fields, dict) else ""


def _ids_of_table(file: Iterable[str]) -> Iterator[str | None]:
    return (cells.get("row_id") for cells in csv.DictReader(file))


def _ids_of_page(file: Iterable[str]) -> Iterator[str | None]:
    return (found[1] for line in file for found in re.finditer(rf'{ROW_ATTRIBUTE}="([0-9a-f]*)"', line))


_READERS: Final = {"jsonl": _ids_of_lines, "csv": _ids_of_table, "html": _ids_of_page}
