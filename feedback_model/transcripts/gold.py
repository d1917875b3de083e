"""Reading people's scores: JSONL or CSV, one transcript a line, told by its id or by its text.

A bad line is an error that names it: a comparison with half of the gold would look like one with all.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from feedback_model.errors import InputError
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS
from feedback_model.transcripts.cleaning import clean_text
from feedback_model.transcripts.documents import transcript_id_of


def read_gold(path: Path) -> dict[str, dict[str, float]]:
    """Scores by trait, by transcript id. Scores may be real (the mean of raters), and traits may be missing.

    Raises:
        InputError: the file cannot be read, or a line of it is no scored transcript.
    """
    found: dict[str, dict[str, float]] = {}
    for number, row in _rows(path):
        name = _name(row)
        if name is None:
            raise InputError(f"{path}, line {number}: neither transcript_id nor text is given; give one of them")
        found[name] = {trait: _score(path, number, trait, row[trait]) for trait in TRAIT_KEYS if _is_given(row, trait)}
        if not found[name]:
            raise InputError(f"{path}, line {number}: no trait is scored; name scores {', '.join(TRAIT_KEYS)}")
    if not found:
        raise InputError(f"{path} has no scored transcript")
    return found


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                yield from enumerate(csv.DictReader(file), start=2)
                return
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _object(path, number, line)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error}); give a JSONL or CSV file") from error


def _object(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path}, line {number}: this is no JSON ({error})") from error
    if not isinstance(row, dict):
        raise InputError(
            f"{path}, line {number}: an object is expected, with transcript_id or text, and scores by trait"
        )
    return row


def _name(row: Mapping[str, Any]) -> str | None:
    if row.get("transcript_id"):
        return str(row["transcript_id"])
    return transcript_id_of(clean_text(str(row["text"]))) if row.get("text") else None


def _is_given(row: Mapping[str, Any], trait: str) -> bool:
    return row.get(trait) not in (None, "")


def _score(path: Path, number: int, trait: str, value: Any) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = float("nan")
    if not MIN_SCORE <= score <= MAX_SCORE:
        raise InputError(f"{path}, line {number}: {trait} is {value!r}; scores go from {MIN_SCORE} to {MAX_SCORE}")
    return score
