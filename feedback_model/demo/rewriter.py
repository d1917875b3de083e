"""Rewrites text towards a score of one trait: what the embedded endpoint answers to an augmentation request.

Slot words of the trait are exchanged for words of the grade wanted; where that is not enough, short sentences (or
openers, or fillers) are added until `rubric_scorer` agrees. Other traits are left alone as far as one word list can.
Deterministic in `seed`.
"""

import random
import re

from feedback_model.demo.lexicon import FILLERS, SLOTS, slot_of
from feedback_model.demo.rubric_scorer import find_words, score_trait
from feedback_model.demo.sentences import ADDITIONS
from feedback_model.demo.speech import choose_fillers, fill_slots, filler_load, insert_filler
from feedback_model.traits import MAX_SCORE, MIN_SCORE

MAX_ADDITIONS = 14
"""Sentences or openers added before the rewriter is content with being near."""
LONG_TEXT = 100  # words; from here on a rewrite leaves sentences out
LEFT_OUT = 0.3  # share of a long text's sentences
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[^\W\d_]+")
_FILLER = re.compile(
    r",?\s*(?<![\w'-])(?:" + "|".join(sorted(map(re.escape, FILLERS), key=len, reverse=True)) + r")(?![\w'-]),?",
    re.IGNORECASE,
)


def rewrite(text: str, trait: str, target: int, seed: int) -> str:
    """`text` in other words, so that `trait` scores about `target`.

    Raises:
        KeyError: `trait` is not one of the six.
    """
    random_ = random.Random(seed)
    text = _condense(text, random_)
    if trait == "filler_words":
        return _rewrite_fillers(text, target, random_)
    return _rewrite_graded(text, trait, target, random_)


def _condense(text: str, random_: random.Random) -> str:
    # A few exchanged words leave a long text a near duplicate of itself; a rewrite also says some things no more.
    sentences = _SENTENCE_END.split(text.strip())
    if len(text.split()) < LONG_TEXT or len(sentences) < 4:
        return text
    kept = sorted(random_.sample(range(len(sentences)), k=len(sentences) - max(1, round(len(sentences) * LEFT_OUT))))
    return " ".join(sentences[index] for index in kept)


def _rewrite_fillers(text: str, target: int, random_: random.Random) -> str:
    clean = _FILLER.sub("", text).strip() or text
    clean = clean[:1].upper() + clean[1:]
    sentences = [sentence.split() for sentence in _SENTENCE_END.split(clean)]
    for filler in choose_fillers(filler_load(target, len(find_words(clean))), random_):
        insert_filler(random_.choice(sentences), filler, random_)
    return " ".join(" ".join(sentence) for sentence in sentences)


def _rewrite_graded(text: str, trait: str, target: int, random_: random.Random) -> str:
    sentences = _SENTENCE_END.split(_exchange(text, trait, target, random_).strip())
    for _ in range(MAX_ADDITIONS):
        rewritten = " ".join(sentences)
        score = score_trait(rewritten, trait)
        if score == target:
            return rewritten
        grade = min(max(2 * target - score, MIN_SCORE), MAX_SCORE)
        sentences = _with_addition(sentences, trait, grade, random_)
    return " ".join(sentences)


def _exchange(text: str, trait: str, target: int, random_: random.Random) -> str:
    def choose(match: re.Match[str]) -> str:
        word = match.group()
        slot = slot_of(trait, word.lower())
        if slot is None:
            return word
        grade = min(max(target + random_.choice((-1, 0, 0, 1)), MIN_SCORE), MAX_SCORE)
        return slot[grade - 1].capitalize() if word[0].isupper() else slot[grade - 1]

    return _WORD.sub(choose, text)


def _with_addition(sentences: list[str], trait: str, grade: int, random_: random.Random) -> list[str]:
    place = random_.randrange(len(sentences))
    if trait == "transition_logic":
        opener = SLOTS[trait][random_.choice(("opener", "link"))][grade - 1].capitalize()
        opened = f"{opener}, {sentences[place][:1].lower()}{sentences[place][1:]}"
        return [*sentences[:place], opened, *sentences[place + 1 :]]
    levels = dict.fromkeys(SLOTS, grade)
    added = fill_slots(random_.choice(ADDITIONS[trait]), levels, random_, jitter=False)
    return [*sentences[: place + 1], f"{added[0].upper()}{added[1:]}.", *sentences[place + 1 :]]
