"""Quoted evidence: whether what a labeller quotes stands in the transcript. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_STRAIGHT: Final = str.maketrans("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb", '\'\'\'\'""""""')
_LEFT_OUT: Final = re.compile(r"\.{3,}|\u2026|\[\u2026\]|\[\.{3,}\]")
_AT_THE_ENDS: Final = " \t\n\"'.,;:!?()[]-\u2013\u2014"


def find_quotes(quotes: Sequence[str], text: str) -> tuple[bool | None, ...]:
    """Tell of each quote whether `text` holds it; None where nothing was quoted.

    Case, white space, kinds of quotation marks and punctuation at a quote's ends do not count. A quote may leave words out
    with "[...]" or "..."; its parts must then stand in the text in their order.
    """
    folded = _fold(text)
    return tuple(_stands_in(quote, folded) if quote.strip() else None for quote in quotes)


def _stands_in(quote: str, folded: str) -> bool:
    parts = [part for part in (_fold(part).strip(_AT_THE_ENDS) for part in _LEFT_OUT.split(quote)) if part]
    at = 0
    for part in parts:
        found = re.compile(rf"(?<!\w){re.escape(part)}(?!\w)").search(folded, at)
        if found is None:
            return False
        at = found.end()
    return bool(parts)


def _fold(text: str) -> str:
    # Labellers see a tag inside a transcript as `&lt;`, and may quote it either way.
    return " ".join(text.replace("&lt;", "<").translate(_STRAIGHT).casefold().split())
