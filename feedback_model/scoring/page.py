"""The page for a speaker: one file, no script and nothing fetched, written document by document."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from feedback_model.records.scores import LEVEL
from feedback_model.scoring.documents import DocumentNames
from feedback_model.scoring.quotes import Stretch, mark_quotes, split_quotes
from feedback_model.scoring.rows import Row
from feedback_model.scoring.trait_scores import TraitScore
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS, TRAITS

ROW_ATTRIBUTE: Final = "data-row"
"""Of the element that shows a row that was asked for: its `row_id`."""
_FOOT: Final = "</main>\n</body>\n</html>\n"


def render_page(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the page in parts: its head, each document with its pieces, its foot.

    Args:
        rows: those of a long document's pieces, then its own.
    """
    parts: list[Row] = []
    opened = False
    for row in rows:
        if not opened:
            yield _render("head.html.j2", first=row, level=f"{LEVEL:.0%}")
            opened = True
        if row.piece is None:
            yield _render("document.html.j2", document=row, parts=parts)
            parts = []
        else:
            parts.append(row)
    yield _FOOT if opened else ""


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(values).encode("utf-8", "replace").decode() + "\n"


@cache
def _environment() -> Any:
    import jinja2

    environment: Any = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["traits"] = TRAITS
    environment.filters |= {
        "title": _title,
        "facts": _facts,
        "times": _times,
        "zip": zip,
        "along": lambda score: f"{_share(score):.1f}%",
        "short_of": lambda score: f"{100 - _share(score):.1f}%",
        "describe": _describe,
        "quotes": split_quotes,
        "marks": _marks,
        "trait_title": dict(zip(TRAIT_KEYS, (trait.title for trait in TRAITS), strict=True)).get,
    }
    return environment


def _template(name: str) -> str:
    return files("feedback_model.scoring").joinpath("templates", name).read_text(encoding="utf-8")


def _title(names: DocumentNames) -> str:
    """Name a document as its speaker would; folders are nobody's business."""
    own = names.document if names.document != names.locator else Path(names.locator).name
    return names.record_id or own


def _facts(document: Row) -> str:
    names, title, where = document.names, _title(document.names), Path(document.names.locator).name
    missing = document.valid_pieces < document.pieces > 1
    facts = [
        names.speaker,
        names.document if names.document not in {title, names.locator} else None,
        where if where != title else None,
        _times(document),
        f"{document.words:,} words" if document.words else None,
        f"{document.pieces:,} parts" if document.pieces > 1 else None,
        f"{document.valid_pieces:,} of them with valid feedback" if missing else None,
    ]
    return " · ".join(fact for fact in facts if fact)


def _times(row: Row) -> str | None:
    """Say from when to when it was spoken: `0:01:20 to 0:03:05`."""
    times = [str(timedelta(seconds=round(seconds))) for seconds in (row.start, row.end) if seconds is not None]
    return " to ".join(times) or None


def _share(score: float) -> float:
    return 100 * (score - MIN_SCORE) / (MAX_SCORE - MIN_SCORE)


def _describe(trait: TraitScore) -> str:
    """Say in words what a bar shows."""
    shown = f"{trait.mean:.1f} of {MAX_SCORE}" if trait.expectation is not None else f"{trait.score} of {MAX_SCORE}"
    return shown if trait.interval is None else f"{shown}, likely {trait.interval[0]} to {trait.interval[1]}"


def _marks(row: Row) -> Sequence[Stretch]:
    explanations = [each.explanation for each in row.feedback] if row.feedback else [None] * len(TRAITS)
    return mark_quotes(row.text or "", explanations)
