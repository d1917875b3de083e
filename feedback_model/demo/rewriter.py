"""Rewrites of a text towards a score of one trait: what the embedded endpoint answers to an augmentation request.

Whole sentences are put in, left out, set in another order or spoken in another register, one edit after another,
whichever of a few drawn edits brings the labeller's grade nearest; sentences of the text itself keep their words but
for their register. Deterministic in `seed`.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final

from feedback_model.demo.labeller.reading import read
from feedback_model.demo.labeller.scores import grade_trait
from feedback_model.demo.labeller.words import FILLER_WEIGHTS
from feedback_model.demo.register import continued, speak_in
from feedback_model.demo.sentence_bank import ASIDES, GREETINGS, OPENERS, PARTS, SENTENCES, THINGS, band_of
from feedback_model.demo.speech import choose_fillers, filler_load, insert_filler
from feedback_model.sentences import split_sentences
from feedback_model.traits import MAX_SCORE, MIN_SCORE

MOST_EDITS: Final = 10
"""Edits after which the rewriter is content with being near."""
DRAWN: Final = 5
"""Edits tried for each one made."""
NEAR: Final = 0.4
"""Distance from the target, in points, that is near enough."""
LONG_TEXT: Final = 100  # words; from here on a rewrite leaves sentences out
LEFT_OUT: Final = 0.3  # share of a long text's sentences
KEPT: Final = 0.5  # share of the sentences that a rewrite keeps at least
MATTERS: Final = ("plan", "idea", "matter")
"""What added sentences are about where the text is about no building."""
TIES: Final = (*OPENERS[-2], *OPENERS[-1])
"""Openers that tie a sentence to the one before."""

Edit = Callable[[list[str], random.Random], list[str]]


def rewrite(text: str, trait: str, target: int, seed: int) -> str:
    """Return `text` in other words, so that `trait` scores about `target`.

    Raises:
        KeyError: `trait` is not one of the six.
    """
    random_ = random.Random(seed)
    text = _condense(text, random_)
    if trait == "filler_words":
        return _rewrite_fillers(text, target, random_)
    return _edit_towards(text, trait, target, random_)


def _condense(text: str, random_: random.Random) -> str:
    # A few edits leave a long text a near duplicate of itself; a rewrite also says some things no more.
    sentences = split_sentences(text)
    if len(text.split()) < LONG_TEXT or len(sentences) < 4:
        return text
    kept = sorted(random_.sample(range(len(sentences)), k=len(sentences) - max(1, round(len(sentences) * LEFT_OUT))))
    return " ".join(sentences[index] for index in kept)


def _rewrite_fillers(text: str, target: int, random_: random.Random) -> str:
    clean = _without_fillers(text) or text
    sentences = [sentence.split() for sentence in split_sentences(clean)] or [clean.split()]
    for filler in choose_fillers(filler_load(target, len(read(clean).words)), random_):
        insert_filler(random_.choice(sentences), filler, random_)
    return " ".join(" ".join(sentence) for sentence in sentences)


def _without_fillers(text: str) -> str:
    """Strike out the listed fillers, and the commas that set them off; the same words with a meaning stay."""
    kept, end = [], 0
    for filler in read(text).fillers:
        start, stop = filler.span
        if " ".join(text[start:stop].lower().split()) in FILLER_WEIGHTS and start >= end:
            kept.append(text[end:start].rstrip().removesuffix(","))
            end = stop + text[stop:].startswith(",")
    clean = "".join([*kept, text[end:]]).strip()
    return clean[:1].upper() + clean[1:]


def _edit_towards(text: str, trait: str, target: int, random_: random.Random) -> str:
    sentences = original = split_sentences(text) or [text]
    subjects = {"part": _subject(text, PARTS, random_), "thing": _subject(text, THINGS, random_)}
    graded = grade_trait(text, trait)
    for _ in range(MOST_EDITS):
        if abs(graded - target) <= NEAR:
            break
        level = min(max(round(2 * target - graded), MIN_SCORE), MAX_SCORE)  # beyond the target by what is lacking
        edited = [edit(sentences, random_) for edit in _edits(original, trait, level, subjects, random_)]
        tried = [(grade_trait(" ".join(each), trait), each) for each in edited]
        nearest, best = min(tried, key=lambda each: abs(each[0] - target))
        if abs(nearest - target) < abs(graded - target):
            graded, sentences = nearest, best
    return " ".join(sentences)


def _edits(
    original: Sequence[str], trait: str, level: int, subjects: dict[str, str], random_: random.Random
) -> list[Edit]:
    if trait == "transition_logic":
        kinds = (_tie, _swap) if level > 5 else (_scatter, _put_in(ASIDES), _untie)
        return [random_.choice(kinds) for _ in range(DRAWN)]
    leave_out = _leave_out(original)
    if trait == "formality":
        greetings = [greeting.format_map(subjects) for greeting in GREETINGS[band_of(level)]]
        return [_speak(level), _greet(greetings), *([leave_out] * (DRAWN - 2))]
    bank = [sentence.format_map(subjects) for sentence in SENTENCES[trait][band_of(level)]]
    return [*([_put_in(bank)] * (DRAWN - 2)), leave_out, leave_out]


def _subject(text: str, known: Sequence[str], random_: random.Random) -> str:
    return random_.choice([name for name in known if name in text] or list(MATTERS))


def _put_in(bank: Sequence[str]) -> Edit:
    def edit(sentences: list[str], random_: random.Random) -> list[str]:
        new = [sentence for sentence in bank if sentence not in sentences] or list(bank)
        place = random_.randrange(1, len(sentences) + 1)
        return [*sentences[:place], random_.choice(new), *sentences[place:]]

    return edit


def _leave_out(original: Sequence[str]) -> Edit:
    """Leave out a sentence, while `KEPT` of the `original` ones stay."""
    fewest = max(2, round(KEPT * len(original)))

    def edit(sentences: list[str], random_: random.Random) -> list[str]:
        place = random_.randrange(len(sentences))
        rest = [*sentences[:place], *sentences[place + 1 :]]
        kept = sum(sentence in rest for sentence in original)
        changed_in_register = not set(original) & set(sentences)
        enough = len(rest) >= fewest if changed_in_register else kept >= min(fewest, len(original))
        return rest if enough and rest else sentences

    return edit


def _speak(level: int) -> Edit:
    return lambda sentences, _: [speak_in(sentence, level) for sentence in sentences]


def _greet(greetings: Sequence[str]) -> Edit:
    """Begin with another greeting, in place of one that the rewriter put there."""
    known = tuple(greeting.split(" {thing}")[0] for band in GREETINGS for greeting in band)

    def edit(sentences: list[str], random_: random.Random) -> list[str]:
        rest = sentences[1:] if sentences[0].startswith(known) and len(sentences) > 1 else sentences
        return [random_.choice(greetings), *rest]

    return edit


def _scatter(sentences: list[str], random_: random.Random) -> list[str]:
    return random_.sample(sentences, len(sentences))


def _swap(sentences: list[str], random_: random.Random) -> list[str]:
    """Move one sentence elsewhere."""
    moved = list(sentences)
    sentence = moved.pop(random_.randrange(len(moved)))
    moved.insert(random_.randrange(len(moved) + 1), sentence)
    return moved


def _tie(sentences: list[str], random_: random.Random) -> list[str]:
    place = random_.randrange(min(1, len(sentences) - 1), len(sentences))
    opener = random_.choice(TIES)
    if sentences[place].startswith(TIES):
        return sentences
    return [*sentences[:place], opener + continued(sentences[place]), *sentences[place + 1 :]]


def _untie(sentences: list[str], random_: random.Random) -> list[str]:
    """Take the link from the start of a sentence that has one."""
    tied = [(place, link) for place, sentence in enumerate(sentences) for link in TIES if sentence.startswith(link)]
    if not tied:
        return sentences
    place, link = random_.choice(tied)
    rest = sentences[place].removeprefix(link)
    return [*sentences[:place], rest[:1].upper() + rest[1:], *sentences[place + 1 :]]
