"""Fillers of a text: what could be struck out and nothing would be lost, told from the same words with a meaning.

Follows the rubric: hesitations, empty phrases, words that only bridge a gap, and starts that are given up or said again. What a
listener says ("Mm-hmm. Yeah.") is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from feedback_model.demo.labeller.tokens import Span
from feedback_model.demo.labeller.words import DETERMINERS, FILLER_WEIGHTS, FUNCTION_WORDS, split_entries

PHRASES: Final = tuple(tuple(entry.split()) for entry in FILLER_WEIGHTS if " " in entry)
PHRASES_BY_START: Final = {start: [p for p in PHRASES if p[0] == start] for start in {p[0] for p in PHRASES}}
LISTENING: Final = frozenset(
    split_entries(
        "mm-hmm, uh-huh, um-hum, mhm, hmm, mm, yeah, yes, yep, right, okay, ok, oh, huh, sure, wow, alright, "
        "no, exactly"
    )
)
"""Words that a sentence of a listener is made of."""
STARTING: Final = frozenset(split_entries("well, okay, ok, yeah, oh, anyway, alright"))
"""Fillers at the start of a sentence, whatever follows."""
SET_OFF: Final = frozenset(
    split_entries(
        "well, okay, ok, yeah, oh, anyway, alright, basically, literally, actually, honestly, obviously, "
        "just, really, like"
    )
)
"""Fillers only where a comma, a dash or another filler sets them off."""
KNOWN_BEFORE: Final = frozenset(
    split_entries("do, don't, did, didn't, if, as, what, when, that, let, would, should, to, how, all, does")
)
KNOWN_AFTER: Final = frozenset(
    split_entries(
        "what, how, why, who, where, when, whether, if, that, the, it, him, her, them, about, nothing, a, my, "
        "your, of, this, these, those"
    )
)
"""Words beside `you know` and `I mean` that give them a meaning."""
DOUBLED: Final = frozenset(
    split_entries(
        "very, really, so, had, that, no, yes, bye, ha, many, much, more, far, long, blah, never, big, way, "
        "too, knock, night, there, now, again, on, and, over, years, hear, please, go, wait, come, well"
    )
)
"""Words that people double on purpose, or by grammar."""
AGAIN: Final = frozenset(split_entries("i, we, you, he, she, they, it, the, a, to, in, and, that, this"))
"""Words with which a sentence that was given up starts anew."""
REPEAT_WEIGHT: Final = 0.6
BROKEN: Final = 4
"""Letters that a word broken off has at most: `r- really`."""


@dataclass(frozen=True, slots=True)
class Filler:
    """A filler in a text."""

    span: Span
    """In characters."""
    weight: float
    """1 for a bare hesitation, less for words that are more than a filler."""


def find_fillers(
    words: Sequence[str], gaps: Sequence[str], spans: Sequence[Span], sentences: Sequence[Span]
) -> list[Filler]:
    """Find the fillers of a text, in order.

    Args:
        gaps: what stands before each word, and after the last.
        sentences: in words.
    """
    starts = {start for start, _ in sentences}
    listening = {k for start, end in sentences if set(words[start:end]) <= LISTENING for k in range(start, end)}
    marked = _mark(words, gaps, starts)
    found = [
        Filler((spans[first][0], spans[last][1]), weight) for first, last, weight in marked if first not in listening
    ]
    return sorted((*found, *_restarts(words, gaps, spans)), key=lambda filler: filler.span)


def _mark(words: Sequence[str], gaps: Sequence[str], starts: set[int]) -> Iterator[tuple[int, int, float]]:
    """Yield first word, last word and weight of each listed filler that means nothing where it stands."""
    last_marked = -1
    for index in range(len(words)):
        if index <= last_marked:
            continue
        length, weight = _listed(words, gaps, index)
        if not weight:
            continue
        beside = last_marked == index - 1 >= 0 or _is_hesitation(words, index + length)
        apart = _parted(gaps[index]) or _parted(gaps[index + length])
        if _means_nothing(words, index, length, apart=apart, beside=beside, starts=index in starts):
            last_marked = index + length - 1
            yield index, last_marked, weight


def _listed(words: Sequence[str], gaps: Sequence[str], index: int) -> tuple[int, float]:
    """Return how many words of a listed filler begin at `index`, and its weight, 0 where none does."""
    for parts in PHRASES_BY_START.get(words[index], ()):
        last = index + len(parts)
        if tuple(words[index:last]) == parts and all(gap.isspace() for gap in gaps[index + 1 : last]):
            return len(parts), FILLER_WEIGHTS[" ".join(parts)]
    return 1, FILLER_WEIGHTS.get(words[index], 0.0)


def _is_hesitation(words: Sequence[str], index: int) -> bool:
    return index < len(words) and FILLER_WEIGHTS.get(words[index], 0.0) >= 1


def _parted(gap: str) -> bool:
    return "," in gap or "--" in gap or "\u2014" in gap or " - " in gap or "..." in gap or "\u2026" in gap


def _means_nothing(words: Sequence[str], index: int, length: int, *, apart: bool, beside: bool, starts: bool) -> bool:
    name = " ".join(words[index : index + length])
    before = words[index - 1] if index and not starts else ""
    after = words[index + length] if index + length < len(words) else ""
    if name in ("kind of", "sort of"):
        return before not in DETERMINERS
    if name in ("you know", "i mean"):
        return before not in KNOWN_BEFORE and (apart or after not in KNOWN_AFTER)
    if name in ("er", "ah"):  # the ER
        return apart or before not in DETERMINERS
    if name in SET_OFF:
        return apart or beside or (starts and name in STARTING)
    return True


def _restarts(words: Sequence[str], gaps: Sequence[str], spans: Sequence[Span]) -> Iterator[Filler]:
    """Find words said twice running, words broken off, and starts that are given up for another."""
    for index in range(1, len(words)):
        word, before, gap = words[index], words[index - 1], gaps[index]
        broken_off = gap[:1] == "-" and gap[1:2].isspace() and (len(before) <= BROKEN or word.startswith(before))
        again = word == before and word not in DOUBLED and word not in FILLER_WEIGHTS and not _ends(gap)
        if broken_off or again or _given_up(words, gaps, index):
            yield Filler((spans[index - 1][0], spans[index][1]), REPEAT_WEIGHT)
        halves = word.split("-")
        if len(halves) == 2 and halves[0] == halves[1] and halves[0] not in DOUBLED:
            yield Filler(spans[index], REPEAT_WEIGHT)


def _ends(gap: str) -> bool:
    return any(mark in gap for mark in ".!?") and "..." not in gap


def _given_up(words: Sequence[str], gaps: Sequence[str], index: int) -> bool:
    """Tell whether the words before a comma or dash lack what they need, and the words after start anew: `I was, I went`."""
    word = words[index]
    return (
        word in AGAIN
        and _parted(gaps[index])
        and words[index - 1] in FUNCTION_WORDS
        and words[index - 1] not in AGAIN
        and word in words[max(0, index - 3) : index - 1]
    )
