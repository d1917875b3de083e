"""Formats of a result by name and by ending. Loads nothing, for the command line's help needs it."""

from pathlib import Path
from typing import Final, Literal, get_args

from feedback_model.errors import InputError

Format = Literal["jsonl", "csv", "html"]
ENDINGS: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".html": "html",
    ".htm": "html",
}


def format_of(path: Path) -> Format:
    """Tell the format by the ending of a file's name.

    Raises:
        InputError: the ending says nothing.
    """
    found = ENDINGS.get(path.suffix.lower())
    if found is None:
        known = ", ".join(get_args(Format))
        raise InputError(f"{path} ends in none of {', '.join(ENDINGS)}; say with --format which of {known} is meant")
    return found
