"""Texts taken apart for the offline labeller: words, sentences, marks, fillers, and where listed words stand.

Case, white space, line ends and invisible characters make no difference. Linear in the length of the text.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from feedback_model.demo.labeller.fillers import Filler, find_fillers
from feedback_model.demo.labeller.tokens import Span, Token, tokenize
from feedback_model.demo.labeller.words import CARING, CONTRACTION_ENDINGS, CONTRACTIONS, LISTS, NEGATIONS

LONGEST: Final = 80
"""Words that a sentence may have before it is cut: unpunctuated speech has no end marks."""
CUT: Final = 40
"""Words of the pieces it is cut into."""
DENIED: Final = 3
"""Words after a negation that it denies."""

Phrases = dict[str, list[tuple[tuple[str, ...], str]]]


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
    """Spans, in characters, of what stands in each list of `words`, and of `contraction`, `number`, `exclamation`, `question`,
    `face` and `repeated_mark`."""
    fillers: tuple[Filler, ...]
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
    for token in tokenize(text):
        if token.kind == "word":
            words.append(token.text)
            spans.append(token.span)
        elif token.kind == "end":
            ends.append(len(words))
            _note_marks(token, found)
        elif token.kind in ("number", "face"):
            found[token.kind].append(token.span)
        n_commas += token.kind == "comma"
    gaps = _gaps(text, spans)
    for name, span in _matches(words, gaps, spans):
        found[name].append(span)
    sentences = tuple(_sentences(ends, len(words)))
    fillers = tuple(find_fillers(words, gaps, spans, sentences))
    finished = bool(ends) and ends[-1] == len(words)
    return Reading(text, tuple(words), tuple(spans), sentences, dict(found), fillers, n_commas, len(ends), finished)


def _note_marks(token: Token, found: dict[str, list[Span]]) -> None:
    marks = token.text
    if "!" in marks or "\uff01" in marks:
        found["exclamation"].append(token.span)
    if "?" in marks or "\uff1f" in marks:
        found["question"].append(token.span)
    if len(marks) > 1 and set(marks) - {"."}:  # three full stops are the writer's, not the speaker's
        found["repeated_mark"].append(token.span)


def _gaps(text: str, spans: Sequence[Span]) -> list[str]:
    """Return what stands before each word and after the last."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]


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
def _words_and_phrases() -> tuple[dict[str, tuple[str, ...]], Phrases]:
    """Return the lists of every single word, and the phrases, each with its list, that begin with a word."""
    single: dict[str, list[str]] = defaultdict(list)
    phrases: Phrases = defaultdict(list)
    for name, entries in LISTS.items():
        for entry in dict.fromkeys(entries):
            first, *rest = parts = tuple(entry.split())
            if rest:
                phrases[first].append((parts, name))
            else:
                single[entry].append(name)
    return {word: tuple(names) for word, names in single.items()}, dict(phrases)


def _matches(words: Sequence[str], gaps: Sequence[str], spans: Sequence[Span]) -> Iterator[tuple[str, Span]]:
    """Find listed words and phrases; a word inside a phrase means what the phrase means."""
    single, phrases = _words_and_phrases()
    inside = denied_to = 0
    for index, word in enumerate(words):
        for parts, name in phrases.get(word, ()):
            last = index + len(parts)
            if tuple(words[index:last]) == parts and all(gap.isspace() for gap in gaps[index + 1 : last]):
                inside = max(inside, last)
                yield name, (spans[index][0], spans[last - 1][1])
        if index < inside:
            continue
        if index < denied_to and word in CARING:
            yield "detached", spans[index]
        else:
            yield from ((name, spans[index]) for name in single.get(word, ()))
        if word in NEGATIONS:
            denied_to = index + 1 + DENIED
        if "'" in word and (word.endswith(CONTRACTION_ENDINGS) or word in CONTRACTIONS):
            yield "contraction", spans[index]
