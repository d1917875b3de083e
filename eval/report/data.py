"""Query results, the only thing that a report is made from, and their form in JSON.

The page, the JSON and the Markdown show these results and nothing else, so the results that a report holds can be compared
with those that the database gives later.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None


class Row(dict[str, Cell]):
    """One row of an result, by column; its place lets a page name the cell behind each figure."""

    __slots__ = ("place",)

    def __init__(self, cells: Iterable[tuple[str, Cell]], place: str) -> None:
        super().__init__(cells)
        self.place = place
        """`summary/3` is the fourth row of the result `summary`."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows that the database gave, and the query that it gave them for."""

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
        """Hash of the columns and the rows."""
        return hashlib.sha256(json.dumps([self.columns, self.cells]).encode()).hexdigest()

    @property
    def n_figures(self) -> int:
        """Number of cells that hold a number."""
        return sum(isinstance(cell, int | float) for cells in self.cells for cell in cells)


def to_document(results: Mapping[str, QueryResult]) -> dict[str, Any]:
    """Convert results to JSON values, by name."""
    return {
        name: {"sql": result.sql, "columns": result.columns, "rows": result.cells, "sha256": result.sha256}
        for name, result in results.items()
    }


def from_document(document: Mapping[str, Any]) -> dict[str, QueryResult]:
    """Read results back from JSON values.

    Raises:
        KeyError, TypeError: it is not what `to_document` makes.
    """
    return {name: _from_json(name, each) for name, each in document.items()}


def _from_json(name: str, found: Mapping[str, Any]) -> QueryResult:
    rows: Sequence[Sequence[Cell]] = found["rows"]
    return QueryResult(name, found["sql"], tuple(found["columns"]), tuple(tuple(row) for row in rows))


@dataclass(frozen=True, slots=True)
class ReportData:
    """All query results that a report on one evaluation shows."""

    evaluation_id: str
    shown: str
    """The model whose outputs are shown: the best epoch, or the last of the table where none was chosen."""
    results: Mapping[str, QueryResult]

    @property
    def evaluation_ids(self) -> tuple[str, ...]:
        """The evaluations whose figures the report shows: its own, then that of the other split."""
        return (self.evaluation_id, *(str(row["evaluation_id"]) for row in self.results["other"].rows))

    @property
    def n_figures(self) -> int:
        """Number of cells of all results that hold a number."""
        return sum(result.n_figures for result in self.results.values())
