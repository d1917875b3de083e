"""Measures of a text: what the offline labeller's scores are weighted sums of.

Densities are per word, so that length is no merit; amounts are of at most `ENOUGH` words' worth, so that two facts in
a short answer count and twenty in a long one count no more. Word frequencies are `wordfreq`'s, valences those of
VADER's lexicon (Hutto and Gilbert 2014).
"""

import math
from functools import cache
from typing import Final

from feedback_model.demo.labeller.reading import Reading
from feedback_model.demo.labeller.words import BOOSTERS, FORMAL_ENDINGS, FUNCTION_WORDS, LISTS, NEGATIONS, PREPOSITIONS

ENOUGH: Final = 80
"""Words after which a text gains nothing by going on."""
LONG_SENTENCE: Final = 40
"""Words after which a sentence gains nothing by going on."""
RARE: Final = 4.0
"""Zipf frequency, the logarithm of occurrences in a billion words, below which a word counts as rare."""
UNSEEN: Final = 2.5
"""Zipf frequency taken for a word that the table lacks."""
STRONG: Final = 2.2
"""Valence, of 4 at most, from which a word counts as strong."""
REACH: Final = 4
"""Words after a negation that it turns round."""
TURNED: Final = -0.5
"""What is left of a valence that is negated."""

WORDING: Final[tuple[str, ...]] = (
    "letters", "rare words", "common words", "unknown words", "variety", "formal endings", "articles", "prepositions", "past",
    "boosters", "negations",
)  # fmt: skip
"""Measures of words, which a text without any lacks."""


@cache
def zipf_table() -> dict[str, float]:
    """Return the Zipf frequency of some 29,000 English words."""
    from wordfreq import get_frequency_dict

    return {word: math.log10(share) + 9 for word, share in get_frequency_dict("en", "small").items()}


@cache
def valence_table() -> dict[str, float]:
    """Return the valence, -4 to 4, of some 7,500 words."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer().lexicon


def measure(reading: Reading) -> dict[str, float | None]:
    """Return every measure of `reading` by name; None where it has no meaning for the text."""
    n_words, worth = len(reading.words), _worth(reading)
    lists = {f"{name} density": reading.count(name) / max(n_words, 1) for name in LISTS}
    amounts = {f"{name} amount": math.log1p(reading.count(name) * worth) for name in LISTS}
    return {**lists, **amounts, **_shape(reading), **_wording(reading.words), **_valence(reading)}


def _worth(reading: Reading) -> float:
    return min(1.0, ENOUGH / max(len(reading.words), 1))


def _shape(reading: Reading) -> dict[str, float | None]:
    n_words, n_sentences = max(len(reading.words), 1), max(len(reading.sentences), 1)
    punctuated = reading.n_end_marks > 0
    short = n_words <= LONG_SENTENCE
    return {
        "words": math.log(min(n_words, ENOUGH)),
        # Whether a long text without end marks is one sentence or forty cannot be told.
        "words a sentence": math.log(min(n_words / n_sentences, LONG_SENTENCE)) if punctuated or short else None,
        "sentences": math.log1p(n_sentences * _worth(reading)) if punctuated or short else None,
        "unfinished": float(not reading.finished) if short else None,
        "commas": reading.n_commas / n_words if punctuated or short else None,
        "numbers": math.log1p(reading.count("number") * _worth(reading)),
        "contractions": reading.count("contraction") / n_words,
        "exclamations": min(reading.count("exclamation") / n_sentences, 1.0),
        "questions": min(reading.count("question") / n_sentences, 1.0),
        "repeated marks": min(reading.count("repeated_mark") / n_sentences, 1.0),
        "faces": min(reading.count("face") / n_sentences, 1.0),
    }


def _wording(words: tuple[str, ...]) -> dict[str, float | None]:
    if not words:
        return dict.fromkeys(WORDING)
    table, n_words = zipf_table(), len(words)
    zipf = [table.get(word, UNSEEN) for word in words]
    return {
        "letters": sum(map(len, words)) / n_words,
        "rare words": _count_rare(words, zipf) / n_words,
        "common words": sum(zipf) / n_words,
        "unknown words": sum(word not in table for word in words) / n_words,
        "variety": len(set(words[:ENOUGH])) / min(n_words, ENOUGH) ** 0.85,  # Herdan's exponent for English, about
        "formal endings": sum(len(word) > 6 and word.endswith(FORMAL_ENDINGS) for word in words) / n_words,
        "articles": sum(word in ("a", "an", "the") for word in words) / n_words,
        "prepositions": sum(word in PREPOSITIONS for word in words) / n_words,
        "past": sum(len(word) > 4 and word.endswith("ed") for word in words) / n_words,
        "boosters": sum(word in BOOSTERS for word in words) / n_words,
        "negations": sum(word in NEGATIONS for word in words) / n_words,
    }


def _count_rare(words: tuple[str, ...], zipf: list[float]) -> int:
    return sum(each < RARE and word not in FUNCTION_WORDS for word, each in zip(words, zipf, strict=True))


def _valence(reading: Reading) -> dict[str, float | None]:
    table, positive, negative, strong, left = valence_table(), 0.0, 0.0, 0, 0
    for word in reading.words:
        if word in NEGATIONS:
            left = REACH
            continue
        value = table.get(word, 0.0) * (TURNED if left else 1.0)
        left = max(0, left - 1)
        positive, negative, strong = positive + max(value, 0), negative - min(value, 0), strong + (abs(value) > STRONG)
    n_words = max(len(reading.words), 1)
    root = math.sqrt(n_words / _worth(reading)) if n_words else 1.0
    return {
        "positive density": positive / n_words,
        "negative density": negative / n_words,
        "strong words": strong / n_words,
        "positive amount": positive / root,
        "negative amount": negative / root,
    }
