"""Long documents are cut into pieces a model can read whole: at sentence ends where one is near, and all of like
length.

With n words in ceil(n / 185) pieces a piece has 123 to 185 words on average, and each cut moves at most 31 words to
reach a sentence end; so every piece has between 61 and 247 words, the last one too.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import ceil

from feedback_model.transcripts.cleaning import WORD

LONGEST = 250  # words; what is longer is cut, so that a transcript and its answer fit in about 1,000 tokens
_AIM = 185  # words in a piece at most, before cuts move
_REACH = 31  # words a cut may move to meet a sentence end
_SENTENCE_END = re.compile(r"[.!?…。！？؟।]+[\"'”’»)\]]*$")  # noqa: RUF001  full-width marks are meant
_LONGEST_END = 32  # characters; what is looked at of a word, so that a word of 100,000 full stops takes no minutes
_ABBREVIATION = re.compile(r"^(?:[A-Z]|Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e)\.$")


def segment(text: str) -> list[str]:
    """`text` in pieces of 61 to 247 words, in order; in one piece if it has no more than `LONGEST` words."""
    spans = [match.span() for match in WORD.finditer(text)]
    if len(spans) <= LONGEST:
        return [text]
    cuts = [0, *_cuts(len(spans), _sentence_ends(text, spans)), len(spans)]
    return [text[spans[start][0] : spans[end - 1][1]] for start, end in pairwise(cuts)]


def count_pieces(n_words: int) -> int:
    """Count the pieces that a text of `n_words` words is cut into."""
    return 1 if n_words <= LONGEST else ceil(n_words / _AIM)


def _cuts(n_words: int, ends: Sequence[int]) -> list[int]:
    pieces = count_pieces(n_words)
    return [_nearest(ends, round(n_words * piece / pieces)) for piece in range(1, pieces)]


def _nearest(ends: Sequence[int], goal: int) -> int:
    # The sentence end closest to `goal`, if one is in reach; speech without any punctuation is cut where it stands.
    at = bisect_left(ends, goal)
    closest = min(ends[max(0, at - 1) : at + 1], key=lambda end: abs(end - goal), default=goal)
    return closest if abs(closest - goal) <= _REACH else goal


def _sentence_ends(text: str, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Count the words before each sentence end, ascending."""
    ends: list[int] = []
    for index, (start, end) in enumerate(spans):
        word = text[start:end]
        at_line_end = text[end : end + 1] == "\n"
        if at_line_end or (_SENTENCE_END.search(word[-_LONGEST_END:]) and not _ABBREVIATION.match(word)):
            ends.append(index + 1)
    return ends
