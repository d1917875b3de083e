"""Texts taken apart for the offline labeller: words, sentences, marks, and where listed words stand.

Case, white space and line ends make no difference. Linear in the length of the text.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from feedback_model.demo.labeller.words import (
    BEFORE_LIKE,
    CONTRACTION_ENDINGS,
    CONTRACTIONS,
    DETERMINERS,
    DOUBLED,
    FILLER_WEIGHTS,
    KINDS,
    LIKE,
    LISTS,
)

_TOKEN: Final = re.compile(
    r"(?P<markup></?[a-zA-Z][^<>]{0,200}>|&[a-z]{2,8};)|(?P<word>[^\W\d_]+(?:['\u2019-][^\W\d_]+)*)|(?P<year>(?:1[5-9]|20)\d\d(?!\w|[.,]\d|%))"
    r"|(?P<ordinal>\d+(?:st|nd|rd|th)\b)|(?P<number>\d+(?:[.,]\d+)*%?)"
    r"|(?P<face>[:;=][-o]?[)(dDpP](?!\w)|<3|[\u2600-\u27bf\U0001f300-\U0001faff]+)"
    r"|(?P<end>[.!?\u2026\u3002\uff01\uff1f]+)|(?P<comma>,)"
)
_ABBREVIATION: Final = re.compile(r"(?<![^\W\d_])(?:[^\W\d_]|mr|mrs|ms|dr|st|vs|prof|gen|sen|rep|etc)$", re.IGNORECASE)
LONGEST: Final = 80
"""Words that a sentence may have before it is cut: unpunctuated speech has no end marks."""
CUT: Final = 40
"""Words of the pieces it is cut into."""

Span = tuple[int, int]
"""Start and end, counted in characters or words."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text taken apart."""

    text: str
    words: tuple[str, ...]
    """Lower case, apostrophes straight; numbers are no words."""
    spans: tuple[Span, ...]
    """Of each word, in characters."""
    sentences: tuple[Span, ...]
    """Of each sentence, in words; none is empty."""
    found: dict[str, list[Span]]
    """Spans, in characters, of what stands in each list of `words`, and of `contraction`, `number`, `exclamation`,
    `question`, `face`, `repeated_mark`, `repeat`, `empty_like`."""
    n_commas: int
    n_end_marks: int
    finished: bool
    """True where no word follows the last end mark."""

    def quote(self, span: Span) -> str:
        """Return the characters of `span` as they stand in the text."""
        return self.text[span[0] : span[1]]

    def count(self, name: str) -> int:
        """Count what was found of the list `name`."""
        return len(self.found.get(name, ()))

    def sentence(self, number: int) -> tuple[str, ...]:
        """Return the words of a sentence."""
        start, end = self.sentences[number]
        return self.words[start:end]


def read(text: str) -> Reading:
    """Take `text` apart; any text can be."""
    words: list[str] = []
    spans: list[Span] = []
    ends: list[int] = []
    found: dict[str, list[Span]] = defaultdict(list)
    n_commas = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "word":
            words.append(match[0].lower().replace("\u2019", "'"))
            spans.append(match.span())
        elif kind == "end":
            if not _ends_sentence(match, text):
                continue
            ends.append(len(words))
            _note_marks(match, found)
        elif kind == "comma":
            n_commas += 1
        elif kind not in ("markup", "year", "ordinal"):
            found[str(kind)].append(match.span())
    for name, span in (*_matches(words, spans), *_restarts(text, words, spans)):
        found[name].append(span)
    sentences = tuple(_sentences(ends, len(words)))
    finished = bool(ends) and ends[-1] == len(words)
    return Reading(text, tuple(words), tuple(spans), sentences, dict(found), n_commas, len(ends), finished)


def _ends_sentence(match: re.Match[str], text: str) -> bool:
    if match[0] != ".":
        return True
    inside = match.end() < len(text) and text[match.end()].isalnum()  # an address, a version, an abbreviation
    return not inside and _ABBREVIATION.search(text, max(0, match.start() - 6), match.start()) is None


def _note_marks(match: re.Match[str], found: dict[str, list[Span]]) -> None:
    marks = match[0]
    if "!" in marks or "\uff01" in marks:
        found["exclamation"].append(match.span())
    if "?" in marks or "\uff1f" in marks:
        found["question"].append(match.span())
    if len(marks) > 1 and set(marks) - {"."}:  # three full stops are the writer's, not the speaker's
        found["repeated_mark"].append(match.span())


def _sentences(ends: list[int], n_words: int) -> Iterator[Span]:
    start = 0
    for end in (*ends, n_words):
        while end - start > LONGEST:
            yield start, start + CUT
            start += CUT
        if end > start:
            yield start, end
            start = end


@cache
def _words_and_phrases() -> tuple[dict[str, tuple[str, ...]], dict[str, list[tuple[tuple[str, ...], str]]]]:
    """Return the lists of every single word, and the phrases, each with its list, that begin with a word."""
    single: dict[str, list[str]] = defaultdict(list)
    phrases: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for name, entries in LISTS.items():
        for entry in dict.fromkeys(entries):
            first, *rest = parts = tuple(entry.split())
            if rest:
                phrases[first].append((parts, name))
            else:
                single[entry].append(name)
    return {word: tuple(names) for word, names in single.items()}, dict(phrases)


def _matches(words: list[str], spans: list[Span]) -> Iterator[tuple[str, Span]]:
    """Find listed words and phrases; a word inside a phrase means what the phrase means."""
    single, phrases = _words_and_phrases()
    inside = 0
    for index, word in enumerate(words):
        for parts, name in phrases.get(word, ()):
            last = index + len(parts)
            if tuple(words[index:last]) == parts and not _is_kind_of_something(words, index, parts):
                inside = max(inside, last)
                yield name, (spans[index][0], spans[last - 1][1])
        if index >= inside:
            yield from ((name, spans[index]) for name in single.get(word, ()))
        if "'" in word and (word.endswith(CONTRACTION_ENDINGS) or word in CONTRACTIONS):
            yield "contraction", spans[index]


def _is_kind_of_something(words: list[str], index: int, parts: tuple[str, ...]) -> bool:
    return " ".join(parts) in KINDS and index > 0 and words[index - 1] in DETERMINERS


def _restarts(text: str, words: list[str], spans: list[Span]) -> Iterator[tuple[str, Span]]:
    """Find words said twice running, and every `like` that means nothing."""
    for index in range(1, len(words)):
        word, before = words[index], words[index - 1]
        between = text[spans[index - 1][1] : spans[index][0]]
        again = word == before and word not in DOUBLED and word not in FILLER_WEIGHTS
        broken_off = between.startswith("-") and not between.startswith("--") and word.startswith(before)
        if broken_off or (again and not any(mark in between for mark in ".!?")):
            yield "repeat", (spans[index - 1][0], spans[index][1])
        if word == LIKE and ("," in between or before in BEFORE_LIKE):
            yield "empty_like", spans[index]
