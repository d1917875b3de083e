"""Verification of a finished report: its data against the database, its page against its data, the database against the
raw outputs.

Every query of the report is run again and each cell compared. The page is rendered again from the data in the file, and
everything visible compared: figures, sentences, and the bars of charts. Every output is judged anew and every figure of
the evaluation computed anew (`recompute`), so that the database itself is not taken at its word.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import isclose
from pathlib import Path
from typing import Any, Final

from eval.report.content import compose
from eval.report.data import Cell, QueryResult, ReportData, from_document
from eval.report.load import load_report_data
from eval.report.page_reader import Piece, ReadPage, read_page, split_page
from eval.report.recompute import Difference, Recomputed, note_on_forgotten, recompute, recompute_decision
from eval.report.render import render_page, renderer_version
from feedback_model.errors import InputError
from feedback_model.records.evaluation import Evaluation
from feedback_model.store.connection import Store
from feedback_model.store.evaluations import read_evaluation

_FROM_OUTPUTS: Final = frozenset(
    (
        *("answered", "answered_traits", "failed", "failures", "confusion", "slices", "scores", "timing"),
        *("effect_macro", "effect_levels"),
    )
)
"""Results that are read from single labels and outputs whenever the report is written."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of checking a report."""

    evaluation_id: str
    n_stored: int
    """Numbers in the file's data that the database gave again."""
    n_visible: int
    """Figures on the page that show a cell of the data."""
    n_recomputed: int
    """Figures of the evaluation that were computed anew."""
    n_outputs: int
    """Outputs that were judged anew."""
    differences: tuple[Difference, ...]
    """In the order in which they were looked for; empty where all agrees."""
    notes: tuple[str, ...]
    """Parts that could not be checked, with the reason."""

    @property
    def agrees(self) -> bool:
        """True where nothing differs."""
        return not self.differences


def verify_report(store: Store, path: Path) -> Verification:
    """Check the page at `path` against the database.

    Raises:
        InputError: it is no report, is of another version of the report, or its evaluation is not in this database.
        StoreError: the database could not answer.
        Interrupted: a stop was requested.
    """
    page = read_page(path)
    report = _read_data(page, path)
    evaluation = read_evaluation(store, report.evaluation_id)
    if evaluation is None:
        raise InputError(
            f"the report {path} is about evaluation {report.evaluation_id!r}, which is not in this database; "
            "point FEEDBACK_HOME or FEEDBACK_DATABASE_URL at the one it was written from"
        )
    database = load_report_data(store, evaluation)
    notes = [note] if (note := note_on_forgotten(store, evaluation)) else []
    stored = [*_compare_data(page.document, report, database, gone=_FROM_OUTPUTS if notes else frozenset())]
    drawn = split_page(render_page(report, compose(report)), "the page rendered again")
    visible = [*_compare_pages(page, drawn, report.results)]
    decided = [str(row["evaluation_id"]) for row in database.results["decision"].rows]
    measured = [read_evaluation(store, name) for name in dict.fromkeys([*database.evaluation_ids, *decided])]
    anew = [_recompute(store, each, database) for each in measured if each is not None]
    return Verification(
        evaluation_id=report.evaluation_id,
        n_stored=report.n_figures,
        n_visible=sum("/" in piece.place and not piece.text.startswith("<") for piece in page.pieces),
        n_recomputed=sum(each.n_figures for each in anew),
        n_outputs=sum(each.n_outputs for each in anew),
        differences=(*stored, *visible, *(difference for each in anew for difference in each.differences)),
        notes=tuple(dict.fromkeys([*notes, *(note for each in anew for note in each.notes)])),
    )


def _recompute(store: Store, evaluation: Evaluation, database: ReportData) -> Recomputed:
    """Recompute the figures of one evaluation, and those of the decision where it rests on this one."""
    found = recompute(store, evaluation)
    decided = next(iter(database.results["decision"].rows), None)
    if decided is None or found.panel is None:
        return found
    of_decision = recompute_decision(store, decided, evaluation, found.panel)
    return replace(
        found,
        n_figures=found.n_figures + of_decision.n_figures,
        differences=(*found.differences, *of_decision.differences),
        notes=(*found.notes, *of_decision.notes),
    )


def _read_data(page: ReadPage, path: Path) -> ReportData:
    try:
        results = from_document(page.document["results"])
        report = ReportData(page.document["evaluation_id"], page.document["shown"], results)
        version = page.document["renderer"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the data in the report {path} was damaged: {error!r}; write it anew with `feedback report`"
        ) from error
    if version != renderer_version():
        raise InputError(
            f"the report {path} was drawn by version {version} of the report and this is {renderer_version()}, so what it "
            f"shows cannot be drawn again; write it anew with `feedback report --evaluation {report.evaluation_id}`"
        )
    return report


def _compare_data(
    document: Mapping[str, Any], file: ReportData, database: ReportData, gone: Set[str]
) -> Iterator[Difference]:
    """Compare the file's data with the database's.

    Args:
        gone: results of which the database has only a part, since transcripts were forgotten.
    """
    if file.shown != database.shown:
        yield Difference("the model whose outputs are shown", repr(file.shown), repr(database.shown))
    for name in [*dict.fromkeys([*file.results, *database.results])]:
        if name not in file.results or name not in database.results:
            yield Difference(f"the result {name}", *(_presence(name, each) for each in (file, database)))
            continue
        if name not in gone:
            yield from _compare_results(file.results[name], database.results[name])
        if document["results"][name].get("sha256") != file.results[name].sha256:
            yield Difference(f"the hash of the result {name}", "another", file.results[name].sha256)


def _presence(name: str, report: ReportData) -> str:
    return "there" if name in report.results else "missing"


def _compare_results(file: QueryResult, database: QueryResult) -> Iterator[Difference]:
    if file.sql != database.sql:
        yield Difference(f"the SQL of {file.name}", repr(file.sql), repr(database.sql))
    if file.columns != database.columns:
        yield Difference(f"the columns of {file.name}", repr(file.columns), repr(database.columns))
        return
    rows = [[row for row in each.rows if not _changes_later(row)] for each in (file, database)]
    if len(rows[0]) != len(rows[1]):
        yield Difference(f"the number of rows of {file.name}", str(len(rows[0])), str(len(rows[1])))
    for found, expected in zip(*rows, strict=False):
        for column in file.columns:
            if not _same(found[column], expected[column]):
                where = f"{column} of {_name_row(expected)} in {file.name}"
                yield Difference(where, repr(found[column]), repr(expected[column]))


def _changes_later(row: Mapping[str, Cell]) -> bool:
    """Tell a row about a speaker: a text of the evaluation may be found again as somebody else's."""
    return row.get("dimension") == "speaker"


def _same(found: Cell, expected: Cell) -> bool:
    """Compare two cells; PostgreSQL may add floats up in another order from one time to the next."""
    if isinstance(found, float) and isinstance(expected, float):
        return isclose(found, expected, rel_tol=1e-12)
    return type(found) is type(expected) and found == expected


def _name_row(row: Mapping[str, Cell]) -> str:
    """Name a row by its words, which tell it from the others."""
    words = [str(cell) for cell in row.values() if isinstance(cell, str) and len(cell) < 40]
    return " ".join(words[:4]) or "the row"


def _compare_pages(file: ReadPage, drawn: ReadPage, results: Mapping[str, QueryResult]) -> Iterator[Difference]:
    for found, expected in zip_longest(file.pieces, drawn.pieces):
        if found == expected:
            continue
        place = _locate((expected or found).place, results)
        yield Difference(f"what the page shows {place}", _show(found), _show(expected))
        if found is None or expected is None or found.text.startswith("<") != expected.text.startswith("<"):
            return  # something was added or taken away: from here on nothing stands where it should


def _locate(place: str, results: Mapping[str, QueryResult]) -> str:
    """Describe a place: the cell by its column and its row's words, or the part of the page."""
    name, _, rest = place.partition("/")
    number, _, column = rest.partition("/")
    if name in results and number.isdecimal() and int(number) < len(results[name].cells):
        return f"as {column} of {_name_row(results[name].rows[int(number)])} in {name}"
    return f"in {place}"


def _show(piece: Piece | None) -> str:
    return "nothing" if piece is None else repr(piece.text[:120])
