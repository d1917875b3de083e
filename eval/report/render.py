"""Rendering of content as a page, whose figures each name the cell that they show, and as Markdown.

Equal content gives equal text, down to the byte.
"""

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from eval.report import number_formats
from eval.report.content import Content
from eval.report.data import Cell, ReportData, Row, to_document
from eval.report.text import phrase_outcome, phrase_survival
from feedback_model.records.recipe import RECIPE_FIELDS
from feedback_model.traits import TRAITS

FORMAT = "feedback-report-2"
DATA_ID = "report-data"
_FORMATS: dict[str, Callable[[Cell], str]] = {
    "points": number_formats.show_points,
    "change": number_formats.show_change,
    "rate": number_formats.show_rate,
    "rate_change": number_formats.show_rate_change,
    "rate_fall": lambda value: number_formats.show_rate_change(None if value is None else -float(value)),
    "count": number_formats.show_count,
    "chance": number_formats.show_chance,
    "dollars": number_formats.show_dollars,
    "seconds": number_formats.show_seconds,
    "size": number_formats.show_size,
    "score": number_formats.show_score,
    "choice": number_formats.show_choice,
}
_MADE_BY = (".py", ".sql", ".j2", ".css")


@cache
def renderer_version() -> str:
    """Hash everything that decides how a report looks: this package's files and the chart library."""
    digest = hashlib.sha256()
    for path in sorted(_own_files(files("eval.report")), key=str):
        digest.update(path.read_bytes())
    for library in ("altair", "vl-convert-python", "jinja2"):
        digest.update(metadata.version(library).encode())
    return digest.hexdigest()[:16]


def _own_files(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _own_files(each)
        elif each.name.endswith(_MADE_BY):
            found.append(each)
    return found


def make_document(report: ReportData, content: Content) -> dict[str, Any]:
    """Make the report as data, which the JSON file holds and the page carries within itself."""
    return {
        "format": FORMAT,
        "renderer": renderer_version(),
        "evaluation_id": report.evaluation_id,
        "shown": report.shown,
        "verdict": content.verdict,
        "demo_notices": content.demo_notices,
        "results": to_document(report.results),
    }


def render_page(report: ReportData, content: Content) -> str:
    """Render the whole page, with the data it was made from."""
    data = json.dumps(make_document(report, content), ensure_ascii=False).replace("<", "\\u003c")
    page = (
        _environment(marked=True)
        .get_template("report.html.j2")
        .render(content=content, query_results=report.results, data=data)
    )
    return page.encode("utf-8", "replace").decode()


def render_markdown(content: Content) -> str:
    """Render verdict and tables as Markdown."""
    text = _environment(marked=False).get_template("report.md.j2").render(content=content)
    return text.encode("utf-8", "replace").decode()


def _environment(*, marked: bool) -> Any:
    import jinja2

    environment: Any = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=marked,  # noqa: S701 - Markdown is read as text
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"traits": TRAITS, "recipe_fields": RECIPE_FIELDS}
    environment.filters |= {name: _showing(show, marked=marked) for name, show in _FORMATS.items()}
    environment.filters |= {
        "outcome": phrase_outcome,
        "survival": phrase_survival,
        "slug": _slug,
        "unbroken": _unbroken,
    }
    environment.filters["rate_of"] = lambda row, part, whole: number_formats.show_share(row[part], row[whole])
    return environment


def _template(name: str) -> str:
    return files("eval.report").joinpath("templates", name).read_text(encoding="utf-8")


def _showing(show: Callable[[Cell], str], *, marked: bool) -> Callable[[Row, str], str]:
    """Make a filter that shows one cell of a row; with `marked` it names the cell beside it."""
    from markupsafe import Markup

    def plain(row: Row, column: str) -> str:
        return show(row[column])

    def with_mark(row: Row, column: str) -> str:
        return Markup('<span data-cell="{}/{}">{}</span>').format(row.place, column, show(row[column]))

    return with_mark if marked else plain


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def _unbroken(sentence: str) -> str:
    """Mark the sentence up so that no line breaks at the hyphen of a model's name."""
    from markupsafe import Markup, escape

    safe = re.sub(r"\b(?:epoch-\d+|base-nf4)\b", r'<span class="model">\g<0></span>', str(escape(sentence)))
    return Markup(safe)  # noqa: S704 - escaped on the line before
