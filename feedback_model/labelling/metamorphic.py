"""Metamorphic changes to a transcript, whose effect on a score is known beforehand. Pure and seeded.

No true score is needed: a labeller whose scores do not change when sentences are shuffled does not read their order.
"""

import itertools
import random
import re
from typing import Final

from feedback_model.records.labels import LabelCheck
from feedback_model.sentences import split_sentences

_FILLERS: Final = re.compile(r",?\s*\b(?:um+|uh+|erm?|uhm|hmm|you know|i mean|sort of|kind of)\b,?", re.IGNORECASE)
_SUPPORT: Final = re.compile(
    r"\d|\b(?:because|since|percent|for (?:example|instance)|according to|stud(?:y|ies)|research|survey|evidence|therefore)\b",
    re.IGNORECASE,
)
_SPOKEN: Final = ("um", "uh", "you know", "I mean")
_GREETINGS: Final = ("Hey guys, what's up?", "Yo, okay, so, hey dudes.", "Hi you guys, what's going on?")
FEWEST_SENTENCES: Final = 6  # fewer can hardly be told apart when shuffled
FEWEST_WORDS: Final = 18


def shuffle_sentences(text: str, seed: int) -> str | None:
    """Shuffle the sentences until hardly one follows the one it did; None with too few."""
    sentences = split_sentences(text)
    if len(sentences) < FEWEST_SENTENCES:
        return None
    rng = random.Random(seed)
    best = max(
        (rng.sample(sentences, len(sentences)) for _ in range(20)), key=lambda each: -_count_kept(sentences, each)
    )
    return " ".join(best)


def _count_kept(before: list[str], after: list[str]) -> int:
    followed = set(itertools.pairwise(before))
    return sum(pair in followed for pair in itertools.pairwise(after))


def drop_fillers(text: str, seed: int = 0) -> str | None:  # noqa: ARG001 - as every change
    """Remove the plain fillers; None where there are none."""
    cleaned = re.sub(r"\s{2,}", " ", _FILLERS.sub("", text)).strip(" ,")
    return cleaned if cleaned != text.strip() and cleaned else None


def add_fillers(text: str, seed: int) -> str | None:
    """Put a filler into about one word gap of nine; None where there are too few words."""
    words = text.split()
    if len(words) < FEWEST_WORDS:
        return None
    rng = random.Random(seed)
    places = set(rng.sample(range(1, len(words)), len(words) // 9))
    spoken = (f"{rng.choice(_SPOKEN)}, {word}" if place in places else word for place, word in enumerate(words))
    return " ".join(spoken)


def greet_casually(text: str, seed: int) -> str | None:
    """Begin as one would among friends."""
    return f"{random.Random(seed).choice(_GREETINGS)} {text.strip()}" if text.strip() else None


def drop_support(text: str, seed: int = 0) -> str | None:  # noqa: ARG001 - as every change
    """Remove the sentences that give a figure, a source, an example or a reason; None where they are none or most."""
    sentences = split_sentences(text)
    kept = [sentence for sentence in sentences if not _SUPPORT.search(sentence)]
    return " ".join(kept) if len(sentences) / 2 <= len(kept) < len(sentences) else None


CHECKS: Final = (
    LabelCheck(
        "shuffled sentences",
        "transition_logic",
        "lower",
        shuffle_sentences,
        "Shuffling the sentences of a speech must lower transition_logic.",
    ),
    LabelCheck(
        "fillers removed",
        "filler_words",
        "not lower",
        drop_fillers,
        "Removing fillers must not lower filler_words.",
    ),
    LabelCheck(
        "fillers put in",
        "filler_words",
        "lower",
        add_fillers,
        "Putting a filler into every ninth gap must lower filler_words.",
    ),
    LabelCheck(
        "casual greeting",
        "formality",
        "lower",
        greet_casually,
        "Greeting like a friend at the start must lower formality.",
    ),
    LabelCheck(
        "support removed",
        "persuasiveness",
        "lower",
        drop_support,
        "Removing the sentences with figures, examples and reasons must lower persuasiveness.",
    ),
)
