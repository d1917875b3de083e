"""Tokens of a text: words, numbers and marks, each with its place; markup, times, links and notes are no speech.

Every pattern is bounded, so that no text takes more than linear time.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

_INVISIBLE: Final = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_APOSTROPHES: Final = "'\u2019\u02bc\uff07`\u00b4\u2032"
_HYPHENS: Final = "-\u2010\u2011"
_LETTER: Final = rf"[^\W\d_][{_INVISIBLE}\u0300-\u036f]*"
_NOTE: Final = (
    r"(?:inaudible|unintelligible|indiscernible|crosstalk|laugh\w*|applause|music|silence|pause|noise|cough\w*|sigh\w*|cheer\w*"
    r"|background|foreign|overlapping)"
)
_MARKUP: Final = "|".join(
    (
        r"<!--[^>]{0,300}>",
        r"<(?:script|style)\b[^<>]{0,200}>[^<]{0,2000}</(?:script|style)>",
        r"</?[a-z!?][^<>]{0,300}>",
        r"&(?:#x?[0-9a-f]{1,6}|[a-z]{2,8});",
        r"(?:https?://|www\.)\S+",
        rf"[\[({{]\s?(?:{_NOTE}[^\[\](){{}}]{{0,30}}|[\d:.,\s]{{1,20}})[\])}}]",
        r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\s?[ap]\.?m\b)?",
        r"\bspeaker \d{1,3}:",
    )
)
_TOKEN: Final = re.compile(
    rf"(?P<markup>{_MARKUP})"
    rf"|(?P<word>(?:{_LETTER})+(?:[{_HYPHENS}{_APOSTROPHES}](?:{_LETTER})+)*)"
    r"|(?P<year>(?:1[5-9]|20)\d\d(?!\w|[.,]\d|%))"
    r"|(?P<ordinal>\d+(?:st|nd|rd|th)\b)"
    r"|(?P<number>\d+(?:[.,]\d+)*%?)"
    r"|(?P<face>[:;=][-o]?[)(dp](?!\w)|<3|[\u2600-\u27bf\U0001f300-\U0001faff]+)"
    r"|(?P<end>[.!?\u2026\u3002\uff01\uff1f]+)"
    r"|(?P<comma>[,\uff0c])",
    re.IGNORECASE,
)
_DROPPED: Final = re.compile(f"[{_INVISIBLE}]")
_STRAIGHT: Final = str.maketrans({**dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_HYPHENS, "-")})
_ABBREVIATION: Final = re.compile(r"(?<![^\W\d_])(?:[^\W\d_]|mr|mrs|ms|dr|st|vs|prof|gen|sen|rep|etc)$", re.IGNORECASE)

Span = tuple[int, int]
"""Start and end, counted in characters or words."""
Kind = Literal["markup", "word", "year", "ordinal", "number", "face", "end", "comma"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text."""

    kind: Kind
    text: str
    """Of a word: lower case, composed, its apostrophes and hyphens straight, without invisible characters."""
    span: Span
    """In characters of the text as it is."""


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of `text`; full stops inside addresses and after abbreviations are none."""
    for match in _TOKEN.finditer(text):
        kind: Kind = match.lastgroup  # pyright: ignore[reportAssignmentType] - the groups above
        if kind == "word":
            yield Token(kind, _plain(match[0]), match.span())
        elif kind != "end" or _ends_sentence(match, text):
            yield Token(kind, match[0], match.span())


def _plain(word: str) -> str:
    word = word.lower().translate(_STRAIGHT)
    return word if word.isascii() else _DROPPED.sub("", unicodedata.normalize("NFC", word))


def _ends_sentence(match: re.Match[str], text: str) -> bool:
    if match[0] != ".":
        return True
    inside = match.end() < len(text) and text[match.end()].isalnum()  # an address, a version, an abbreviation
    return not inside and _ABBREVIATION.search(text, max(0, match.start() - 6), match.start()) is None
