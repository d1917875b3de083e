"""Everything that a report rests on: each question asked once, in order, the answers by name.

The page, the JSON and the Markdown are made from these answers alone, so what the database gives again can be compared
with what a report holds. Knows nothing of how they are shown.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any

from feedback_model.progress import track
from feedback_model.records.evaluation import Evaluation
from feedback_model.store.connection import Store
from feedback_model.store.readonly_sql import run_query

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
class QueryResult:
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


def run_query_file(store: Store, question: str, *, name: str = "", **values: str | None) -> QueryResult:
    """Answer the question of `queries/<question>.sql`.

    Args:
        name: what the answer is called, where one question is asked twice.

    Raises:
        StoreError: the database could not answer.
    """
    sql = files("eval.report").joinpath("queries", f"{question}.sql").read_text(encoding="utf-8").strip()
    filled = _filled_in(sql, values)
    found = run_query(store.engine.url.render_as_string(hide_password=False), filled, _MOST_ROWS, _SECONDS)
    return QueryResult(name or question, filled, found.columns, tuple(tuple(map(_plain, row)) for row in found.rows))


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


def to_document(answers: Mapping[str, QueryResult]) -> dict[str, Any]:
    """Answers as JSON has them, by name."""
    return {
        name: {"sql": answer.sql, "columns": answer.columns, "rows": answer.cells, "sha256": answer.sha256}
        for name, answer in answers.items()
    }


def from_document(document: Mapping[str, Any]) -> dict[str, QueryResult]:
    """Answers read back from JSON.

    Raises:
        KeyError, TypeError: it is not what `to_document` makes.
    """
    return {name: _from_json(name, each) for name, each in document.items()}


def _from_json(name: str, found: Mapping[str, Any]) -> QueryResult:
    rows: Sequence[Sequence[Cell]] = found["rows"]
    return QueryResult(name, found["sql"], tuple(found["columns"]), tuple(tuple(row) for row in rows))


_OF_EVALUATION = (
    "evaluation",
    "summary",
    "traits",
    "metrics",
    "comparisons",
    "noise_floor",
    "quantisation",
    "effect",
    "failures",
    "timing",
    "recipe",
    "lineage",
    "decision",
)

_OF_MODEL = ("confusion", "answered", "answered_traits", "failed", "effect_macro", "effect_levels")


@dataclass(frozen=True, slots=True)
class ReportData:
    """One evaluation's answers."""

    evaluation_id: str
    shown: str
    """The model whose outputs are shown: the best epoch, or the last of the table where none was chosen."""
    answers: Mapping[str, QueryResult]

    @property
    def evaluation_ids(self) -> tuple[str, ...]:
        """The evaluations whose figures the report shows: its own, then that of the other split."""
        return (self.evaluation_id, *(str(row["evaluation_id"]) for row in self.answers["other"].rows))

    @property
    def n_figures(self) -> int:
        """How many numbers the answers hold."""
        return sum(answer.n_figures for answer in self.answers.values())


def load_report_data(store: Store, evaluation: Evaluation) -> ReportData:
    """Ask the database for everything a report on `evaluation` shows.

    Raises:
        StoreError: the database could not answer.
        Interrupted: a stop was requested.
    """
    name, shown = evaluation.evaluation_id, _shown_model(evaluation)
    progress = track("ask", len(_OF_EVALUATION) + len(_OF_MODEL) + 8)
    answers: dict[str, QueryResult] = {}

    def keep(question: str, called: str = "", **values: str | None) -> None:
        answer = run_query_file(store, question, name=called, **values)
        answers[answer.name] = answer
        progress.advance()

    for question in _OF_EVALUATION:
        keep(question, evaluation_id=name)
    for question in _OF_MODEL:
        keep(question, evaluation_id=name, model=shown)
    own = {"dataset_id": evaluation.dataset_id, "run_id": evaluation.run_id, "until": evaluation.created_at}
    keep("other", "", split=evaluation.split, decoding=evaluation.decoding, **own)
    other = _first(answers["other"], "evaluation_id")
    keep("summary", "other_summary", evaluation_id=other)
    keep("epochs", evaluation_id=name, other_evaluation_id=other)
    keep("evidence", decision_id=_first(answers["decision"], "decision_id"))
    for question in ("loss", "scores", "cost", "looks"):
        keep(question, "", **own)
    return ReportData(name, shown, answers)


def _first(answer: QueryResult, column: str) -> str | None:
    return next((str(row[column]) for row in answer.rows), None)


def _shown_model(evaluation: Evaluation) -> str:
    best = evaluation.best_epoch
    return evaluation.models[-1].model if best is None else best.model
