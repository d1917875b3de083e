"""The report's questions: the `.sql` files in `queries/`, and the answers with the SQL that gave them.

They are asked through the read-only door that `feedback results sql` uses, so that a reader who pastes one sees the same.
Answers can be written as JSON and read back without loss.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any

from feedback_model.store.connection import Store
from feedback_model.store.door import run_query

Cell = str | int | float | None
_MOST_ROWS = 100_000
_SECONDS = 60.0


class Row(dict[str, Cell]):
    """One row of an answer, by column; it knows where it stands, so that a page can say which figure it shows."""

    __slots__ = ("place",)

    def __init__(self, cells: Iterable[tuple[str, Cell]], place: str) -> None:
        super().__init__(cells)
        self.place = place
        """`summary/3` is the fourth row of the answer `summary`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database said, and to what."""

    name: str
    sql: str
    """With the values filled in, so that a reader may paste it."""
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    """A tuple a row, in the order of the columns."""

    @property
    def rows(self) -> list[Row]:
        """The rows by column."""
        return [
            Row(zip(self.columns, cells, strict=True), f"{self.name}/{number}")
            for number, cells in enumerate(self.cells)
        ]

    @property
    def sha256(self) -> str:
        """Of what was answered."""
        return hashlib.sha256(json.dumps([self.columns, self.cells]).encode()).hexdigest()

    @property
    def n_figures(self) -> int:
        """How many of its cells are numbers."""
        return sum(isinstance(cell, int | float) for cells in self.cells for cell in cells)


def ask(store: Store, question: str, *, name: str = "", **values: str | None) -> Answer:
    """Answer the question of `queries/<question>.sql`.

    Args:
        name: what the answer is called, where one question is asked twice.

    Raises:
        StoreError: the database could not answer.
    """
    sql = files("eval.report").joinpath("queries", f"{question}.sql").read_text(encoding="utf-8").strip()
    filled = _filled_in(sql, values)
    found = run_query(store.engine.url.render_as_string(hide_password=False), filled, _MOST_ROWS, _SECONDS)
    return Answer(name or question, filled, found.columns, tuple(tuple(map(_plain, row)) for row in found.rows))


def _filled_in(sql: str, values: Mapping[str, str | None]) -> str:
    for name, value in values.items():
        literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
        sql = re.sub(rf":{name}\b", lambda _, literal=literal: literal, sql)
    return sql


def _plain(value: Any) -> Cell:
    """What both databases and JSON can say: PostgreSQL's booleans and decimals become numbers, as SQLite has them."""
    if isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, Decimal) else value


def to_document(answers: Mapping[str, Answer]) -> dict[str, Any]:
    """Answers as JSON has them, by name."""
    return {
        name: {"sql": answer.sql, "columns": answer.columns, "rows": answer.cells, "sha256": answer.sha256}
        for name, answer in answers.items()
    }


def from_document(document: Mapping[str, Any]) -> dict[str, Answer]:
    """Answers read back from JSON.

    Raises:
        KeyError, TypeError: it is not what `to_document` makes.
    """
    return {name: _from_json(name, each) for name, each in document.items()}


def _from_json(name: str, found: Mapping[str, Any]) -> Answer:
    rows: Sequence[Sequence[Cell]] = found["rows"]
    return Answer(name, found["sql"], tuple(found["columns"]), tuple(tuple(row) for row in rows))
