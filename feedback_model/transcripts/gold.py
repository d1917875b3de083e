"""Reading people's scores: a table or JSON, one transcript a row, told by its id or by its text.

A bad line is an error that names it: a comparison with half of the gold would look like one with all.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from feedback_model.errors import InputError
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS
from feedback_model.transcripts.cleaning import clean_text
from feedback_model.transcripts.documents import transcript_id_of
from feedback_model.transcripts.files import read_rows
from feedback_model.transcripts.formats.rows import Row
from feedback_model.transcripts.mending import mend


def read_gold(path: Path) -> dict[str, dict[str, float]]:
    """Scores by trait, by transcript id. Scores may be real (the mean of raters), and traits may be missing.

    Raises:
        InputError: the file cannot be read, or a line of it is no scored transcript.
    """
    found: dict[str, dict[str, float]] = {}
    for place, row in _rows(path):
        name = _name(row)
        if name is None:
            raise InputError(f"{place}: neither transcript_id nor text is given; give one of them")
        found[name] = {trait: _score(place, trait, row[trait]) for trait in TRAIT_KEYS if _is_given(row, trait)}
        if not found[name]:
            raise InputError(f"{place}: no trait is scored; name scores {', '.join(TRAIT_KEYS)}")
    if not found:
        raise InputError(f"{path} has no scored transcript")
    return found


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each row with where it stands."""
    for row in read_rows(path):
        if isinstance(row, Row):
            yield row.locator, row.fields
        elif row.code != "empty":
            raise InputError(
                f"{row.locator}: {row.reason}; give a table or JSON with transcript_id or text, and scores by trait"
            )


def _name(row: Mapping[str, Any]) -> str | None:
    if row.get("transcript_id"):
        return str(row["transcript_id"])
    return transcript_id_of(clean_text(mend(str(row["text"]))[0])) if row.get("text") else None


def _is_given(row: Mapping[str, Any], trait: str) -> bool:
    return row.get(trait) not in (None, "")


def _score(place: str, trait: str, value: Any) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = float("nan")
    if not MIN_SCORE <= score <= MAX_SCORE:
        raise InputError(f"{place}: {trait} is {value!r}; scores go from {MIN_SCORE} to {MAX_SCORE}")
    return score
