"""Loading of query results from the database: each query of a report is run once, in order."""

import re
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any

from eval.report.augmentation_effect import state_augmentation_effect
from eval.report.data import Cell, QueryResult, ReportData
from eval.report.table import ResultsTable, results_table
from feedback_model.errors import MissingStage
from feedback_model.progress import track
from feedback_model.records.evaluation import Evaluation
from feedback_model.store.connection import Store
from feedback_model.store.evaluations import latest_evaluation, read_evaluation
from feedback_model.store.readonly_sql import run_query

_MOST_ROWS = 100_000
_SECONDS = 60.0

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

_OF_MODEL = ("confusion", "slices", "answered", "answered_traits", "failed", "effect_macro", "effect_levels")


def find_evaluation(store: Store, evaluation_id: str | None) -> Evaluation:
    """Find the evaluation named, or the newest on the test split.

    Raises:
        MissingStage: there is none.
    """
    if evaluation_id is None:
        evaluation = latest_evaluation(store, "test")
        missing = "nothing has been evaluated yet; run `feedback evaluate` first"
    else:
        evaluation = read_evaluation(store, evaluation_id)
        missing = f"there is no evaluation {evaluation_id!r}; `feedback results` shows the latest"
    if evaluation is None:
        raise MissingStage(missing)
    return evaluation


def load_report_data(store: Store, evaluation: Evaluation) -> ReportData:
    """Run every query that a report on `evaluation` shows the results of.

    Raises:
        StoreError: the database could not answer.
        Interrupted: a stop was requested.
    """
    name, shown = evaluation.evaluation_id, _shown_model(evaluation)
    progress = track("query", len(_OF_EVALUATION) + len(_OF_MODEL) + 10)
    results: dict[str, QueryResult] = {}

    def run(query: str, called: str = "", **values: str | None) -> None:
        result = run_query_file(store, query, name=called, **values)
        results[result.name] = result
        progress.advance()

    for query in _OF_EVALUATION:
        run(query, evaluation_id=name)
    for query in _OF_MODEL:
        run(query, evaluation_id=name, model=shown)
    own = {"dataset_id": evaluation.dataset_id, "run_id": evaluation.run_id, "until": evaluation.created_at}
    run("other", "", split=evaluation.split, decoding=evaluation.decoding, **own)
    other = _first(results["other"], "evaluation_id")
    run("decodings", "", split=evaluation.split, **own)
    run("summary", "other_summary", evaluation_id=other)
    run("epochs", evaluation_id=name, other_evaluation_id=other)
    run("evidence", decision_id=_first(results["decision"], "decision_id"))
    for query in ("loss", "training", "scores", "cost", "looks"):
        run(query, "", **own)
    return ReportData(name, shown, results)


def _first(result: QueryResult, column: str) -> str | None:
    return next((str(row[column]) for row in result.rows), None)


def _shown_model(evaluation: Evaluation) -> str:
    best = evaluation.best_epoch
    return evaluation.models[-1].model if best is None else best.model


def load_results_table(store: Store, evaluation_id: str | None = None) -> ResultsTable:
    """Load the table of one evaluation, by default of the newest on the test split.

    Raises:
        MissingStage: there is no such evaluation.
        StoreError: the database could not answer.
    """
    evaluation = find_evaluation(store, evaluation_id)
    lineage = run_query_file(store, "lineage", evaluation_id=evaluation.evaluation_id).rows
    return results_table(evaluation, demo_base=any(row["stand_in"] for row in lineage))


def load_augmentation_effect(store: Store, evaluation_id: str) -> str:
    """Load the verdict of one evaluation on augmentation, in one sentence.

    Raises:
        StoreError: the database could not answer.
    """
    results = {name: run_query_file(store, name, evaluation_id=evaluation_id) for name in ("evaluation", "effect")}
    return state_augmentation_effect(results)


def run_query_file(store: Store, query: str, *, name: str = "", **values: str | None) -> QueryResult:
    """Run `queries/<query>.sql` with its values filled in.

    Args:
        name: name of the result, where one query is run twice.

    Raises:
        StoreError: the database could not answer.
    """
    sql = files("eval.report").joinpath("queries", f"{query}.sql").read_text(encoding="utf-8").strip()
    filled = _filled_in(sql, values)
    found = run_query(store.engine.url.render_as_string(hide_password=False), filled, _MOST_ROWS, _SECONDS)
    return QueryResult(name or query, filled, found.columns, tuple(tuple(map(_plain, row)) for row in found.rows))


def _filled_in(sql: str, values: Mapping[str, str | None]) -> str:
    for name, value in values.items():
        literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
        sql = re.sub(rf":{name}\b", lambda _, literal=literal: literal, sql)
    return sql


def _plain(value: Any) -> Cell:
    """Convert to what both databases and JSON have: PostgreSQL's booleans and decimals become numbers, as in SQLite."""
    if isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, Decimal) else value
