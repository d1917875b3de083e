"""Measures of order: how much more a sentence has to do with the next than with those further on.

Shuffling the sentences of a text leaves its words alone and takes this away, after Barzilay and Lapata (2008), whose
entity grid is told from its permutations; here words of a topic, persons and tenses stand in for entities, and rare
words weigh more.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from feedback_model.demo.labeller.measures import UNSEEN, valence_table, zipf_table
from feedback_model.demo.labeller.reading import Reading
from feedback_model.demo.labeller.words import (
    CONNECTING_OPENERS,
    FILLER_WEIGHTS,
    FUNCTION_WORDS,
    PERSONS,
    POINTING_OPENERS,
)

FEWEST: Final = 3
"""Sentences below which there is no order to speak of."""
WINDOW: Final = 10
"""Sentences that one is compared with, so that long texts take linear time."""
COMMONEST: Final = 6.5
"""Zipf frequency at which a word would weigh nothing."""
LEAST: Final = 0.5
"""Weight of the commonest words of a topic."""
_SUFFIXES: Final = ("ingly", "edly", "ings", "ing", "ies", "ied", "es", "ed", "ly", "s")
STEM: Final = 7
"""Letters of a word that tell its topic."""

Weights = dict[str, float]
Likeness = Callable[[int, int], float]

ORDER: Final = ("shared topics", "early returns", "same persons", "same openings", "even tone", "free opening")


def measure_order(reading: Reading) -> dict[str, float | None]:
    """Return the measures of order by name; None each with fewer than `FEWEST` sentences."""
    count = len(reading.sentences)
    if count < FEWEST:
        return dict.fromkeys(ORDER)
    sentences = [reading.sentence(number) for number in range(count)]
    topics = [topic_weights(words) for words in sentences]
    persons = [_counts(PERSONS[word] for word in words if word in PERSONS) for words in sentences]
    tones = [_tone(words) for words in sentences]
    return {
        "shared topics": _gain(count, lambda i, j: likeness(topics[i], topics[j])),
        "early returns": _early_returns(topics),
        "same persons": _gain(count, lambda i, j: likeness(persons[i], persons[j])),
        "same openings": _gain(count, lambda i, j: float(sentences[i][:2] == sentences[j][:2])),
        "even tone": _gain(count, lambda i, j: -min(abs(tones[i] - tones[j]), 2.0)),
        "free opening": _free_opening(sentences),
    }


def topic_weights(words: Sequence[str]) -> Weights:
    """Return the stems of a sentence that carry topic, each with its weight."""
    return dict(_weighted(word) for word in words if word not in FUNCTION_WORDS and word not in FILLER_WEIGHTS)


@lru_cache(maxsize=50_000)
def _weighted(word: str) -> tuple[str, float]:
    return stem(word), max(LEAST, COMMONEST - zipf_table().get(word, UNSEEN))


def stem(word: str) -> str:
    """Cut a word to what it shares with its other forms, roughly."""
    word = word.removesuffix("'s")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word.removesuffix(suffix)[:STEM]
    return word[:STEM]


def likeness(one: Weights, other: Weights) -> float:
    """Return the cosine of two sentences' weights, 0 where one has none."""
    shared = sum(weight * other[name] for name, weight in one.items() if name in other)
    return shared / (_norm(one) * _norm(other)) if shared else 0.0


def _norm(weights: Weights) -> float:
    return math.sqrt(sum(weight * weight for weight in weights.values()))


def _counts(names: Iterator[str]) -> Weights:
    return {name: float(count) for name, count in Counter(names).items()}


def _tone(words: Sequence[str]) -> float:
    table = valence_table()
    return sum(table.get(word, 0.0) for word in words) / math.sqrt(len(words))


def _gain(count: int, like: Likeness) -> float:
    """Return the mean of `like` over neighbours less its mean over all pairs within the window."""
    near = far = 0.0
    pairs = 0
    for first in range(count - 1):
        for second in range(first + 1, min(first + 1 + WINDOW, count)):
            value = like(first, second)
            near += value if second == first + 1 else 0.0
            far += value
            pairs += 1
    return near / (count - 1) - far / pairs


def _early_returns(topics: Sequence[Weights]) -> float:
    """Return how soon words come again, weighted: 1 in the next sentence, less what chance would give."""
    last: dict[str, int] = {}
    soon = total = 0.0
    for number, weights in enumerate(topics):
        for name, weight in weights.items():
            if name in last:
                soon += weight / (number - last[name])
                total += weight
            last[name] = number
    return soon / total - _chance(len(topics)) if total else 0.0


def _chance(count: int) -> float:
    """Return the mean of 1 / distance over all pairs of `count` sentences."""
    return sum((count - distance) / distance for distance in range(1, count)) / (count * (count - 1) / 2)


def _free_opening(sentences: Sequence[Sequence[str]]) -> float:
    """Return how much rarer the first sentence points back than any sentence does, over two kinds of pointing."""
    return sum(
        sum(words[0] in openers for words in sentences) / len(sentences) - (sentences[0][0] in openers)
        for openers in (POINTING_OPENERS, CONNECTING_OPENERS)
    )
