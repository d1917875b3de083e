"""Sentences of a text, told by their end marks."""

import re
from typing import Final

_SENTENCE: Final = re.compile(r"[^.!?]+[.!?]+[\"')\]]*\s*|[^.!?]+$")


def split_sentences(text: str) -> list[str]:
    """Split `text` into sentences, which joined give it back but for white space at their ends."""
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]
