"""Metamorphic changes to a transcript, whose effect on a score is known beforehand. Pure and seeded.

No true score is needed: a labeller whose scores do not change when sentences are shuffled does not read their order.
"""

import itertools
import random
import re
from typing import Final

from feedback_model.records.labels import LabelCheck

_SENTENCE: Final = re.compile(r"[^.!?]+[.!?]+[\"')\]]*\s*|[^.!?]+$")
_FILLERS: Final = re.compile(r",?\s*\b(?:um+|uh+|erm?|uhm|hmm|you know|i mean|sort of|kind of)\b,?", re.IGNORECASE)
FEWEST_SENTENCES: Final = 6  # fewer can hardly be told apart when shuffled


def split_sentences(text: str) -> list[str]:
    """Split `text` into sentences, which joined give it back but for white space at their ends."""
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]


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
)
