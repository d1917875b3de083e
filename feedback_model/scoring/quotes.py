"""Quotations in explanations: which words are quoted, and where they stand in a text. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from feedback_model.traits import TRAIT_KEYS

MOST_PLACES: Final = 200
"""Of one quotation that are looked for in a text: "um" may stand in every clause."""
_QUOTED: Final = re.compile(
    r"“([^“”]*)”|„([^„“”]*)[“”]|«([^«»]*)»|\"([^\"]*)\""
    r"|(?<!\w)['\u2018](['\u2019]?(?:[^'\u2018\u2019]|(?<=\w)['\u2019](?=\w))+)['\u2019](?!\w)"  # apostrophes inside
)
_WORD: Final = re.compile(r"\w+(?:['\u2019]\w+)*")
_ANY_APOSTROPHE: Final = r"['\u2019]"
_APOSTROPHE: Final = re.compile(_ANY_APOSTROPHE)
_BETWEEN: Final = r"[\W_]+"
_LEFT_OUT: Final = re.compile(r"\.{3,}|…|\[…\]|\[\.{3,}\]")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a text, with the trait whose explanation quotes it."""

    text: str
    trait: str | None
    """None where nothing quotes it."""
    is_absent: bool = False
    """A quotation of words that do not stand in the text."""


def split_quotes(explanation: str, trait: str, text: str | None = None) -> list[Stretch]:
    """Split an explanation into its quotations and what stands between them.

    Args:
        text: what is quoted; None where it is not known, and every quotation is taken for one.
    """
    places = [(*found.span(found.lastindex or 0), trait) for found in _QUOTED.finditer(explanation)]
    return [replace(part, is_absent=True) if _is_invented(part, text) else part for part in _split(explanation, places)]


def _is_invented(part: Stretch, text: str | None) -> bool:
    if text is None or part.trait is None:
        return False
    return not any(next(_find(quote, text), None) for quote in _LEFT_OUT.split(part.text))


def mark_quotes(text: str, explanations: Sequence[str | None]) -> list[Stretch]:
    """Split a text where explanations, one a trait, quote it. Where two quote the same words, the first or longer one counts."""
    places = [
        (start, end, trait)
        for trait, explanation in zip(TRAIT_KEYS, explanations, strict=True)
        for quote in _quotes_of(explanation or "")
        for start, end in islice(_find(quote, text), MOST_PLACES)
    ]
    return _split(text, sorted(places, key=lambda place: (place[0], -place[1])))


def _quotes_of(explanation: str) -> list[str]:
    quotes = (found[found.lastindex or 0] for found in _QUOTED.finditer(explanation))
    return [part for quote in quotes for part in _LEFT_OUT.split(quote)]


def _find(quote: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where the words of `quote` stand in `text`: case, punctuation and kinds of apostrophes do not count."""
    words = [_ANY_APOSTROPHE.join(map(re.escape, _APOSTROPHE.split(word))) for word in _WORD.findall(quote)]
    if words:
        pattern = re.compile(r"(?<!\w)" + _BETWEEN.join(words) + r"(?!\w)", re.IGNORECASE)
        yield from (found.span() for found in pattern.finditer(text))


def _split(text: str, places: Sequence[tuple[int, int, str]]) -> list[Stretch]:
    parts: list[Stretch] = []
    at = 0
    for start, end, trait in places:
        if start < at:
            continue
        parts += [Stretch(text[at:start], None), Stretch(text[start:end], trait)]
        at = end
    return [part for part in [*parts, Stretch(text[at:], None)] if part.text]
