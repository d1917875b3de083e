"""Reader of a finished page: the data it carries, and everything that a person sees, each piece with its place."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from eval.report.render import DATA_ID, FORMAT
from feedback_model.errors import InputError

_VOID = {"meta", "br", "hr", "img", "link", "input"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Run of text, or a tag with its attributes: a bar of a chart is nothing else."""

    text: str
    place: str
    """The cell it shows, or the nearest element around it that has a name."""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Page taken apart."""

    document: dict[str, Any]
    """The data it carries."""
    pieces: tuple[Piece, ...]
    """Everything else, in order."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[Piece] = []
        self.data: list[str] = []
        self._places: list[str] = ["the page"]
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._in_data = tag == "script" and named.get("id") == DATA_ID
        place = named.get("data-cell") or named.get("id") or self._places[-1]
        self.pieces.append(Piece(f"<{tag} {attrs}>", place))
        if tag not in _VOID:
            self._places.append(place)

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False
        if len(self._places) > 1 and tag not in _VOID:
            self._places.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pieces.append(Piece(f"<{tag} {attrs}/>", self._places[-1]))

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data.append(data)
        elif data.strip():
            self.pieces.append(Piece(" ".join(data.split()), self._places[-1]))

    def handle_comment(self, data: str) -> None:
        self.pieces.append(Piece(f"<!--{data}-->", self._places[-1]))

    def handle_decl(self, decl: str) -> None:
        self.pieces.append(Piece(f"<!{decl}>", self._places[-1]))


def read_page(path: Path) -> ReadPage:
    """Read the page at `path`.

    Raises:
        InputError: it cannot be read, or it is not a report of this service.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the report {path} cannot be read: {error}; name an HTML file that `feedback report` wrote"
        ) from error
    return split_page(text, str(path))


def split_page(text: str, name: str) -> ReadPage:
    """Split the page in `text`.

    Raises:
        InputError: it is not a report of this service.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    try:
        document = json.loads("".join(reader.data))
    except ValueError as error:
        raise InputError(
            f"{name} carries no data that can be read ({error}): it is no report of this service, or it was damaged; "
            "name an HTML file that `feedback report` wrote"
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{name} is no report in the format {FORMAT}; write it anew with `feedback report`")
    return ReadPage(document, tuple(reader.pieces))
