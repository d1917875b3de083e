"""Synthetic spoken transcripts whose wording carries each trait at a known level.

A transcript is about one building: a greeting, then sentences of `sentence_bank`, for each trait at its level, in a
register, in an order and with fillers. Levels are drawn independently for each trait and unevenly, so some score
levels are rare; what a text is worth, the labeller says.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from feedback_model.demo.labeller.scores import fillers_for
from feedback_model.demo.labeller.words import FILLER_WEIGHTS
from feedback_model.demo.register import continued, speak_in, with_articles
from feedback_model.demo.sentence_bank import ASIDES, GREETINGS, OPENERS, PARTS, SENTENCES, THINGS, band_of
from feedback_model.traits import MAX_SCORE, MIN_SCORE, SCORES, TRAIT_KEYS

LEVEL_WEIGHTS = {
    "formality": (5, 7, 11, 12, 13, 14, 13, 11, 8, 6),
    "persuasiveness": (6, 9, 12, 12, 12, 12, 12, 11, 8, 6),
    "enthusiasm": (6, 8, 11, 12, 12, 12, 12, 12, 9, 6),
    "empathy": (6, 8, 10, 12, 13, 13, 12, 12, 8, 6),
    "filler_words": (5, 4, 6, 8, 11, 13, 14, 14, 13, 12),
    "transition_logic": (6, 9, 12, 12, 12, 12, 12, 11, 8, 6),
}
"""How often each level 1..10 is drawn, by trait."""
SPOKEN_FILLERS = ("um", "uh", "er", "you know", "basically")
"""The fillers that speakers use, heaviest first."""
JOINED_FROM = 7
"""Formality from which a speaker joins two sentences into one now and then."""
JOINED, SHORT = 0.6, 14
"""How often, and a sentence of how many words at most."""
OPENED = 0.5
"""Share of sentences that begin with an opener."""
BESIDE = 0.3
"""Share of sentences from the band beside."""
_HELD = "\0"
_UNDIVIDED = re.compile(
    "|".join(
        re.escape(phrase.strip(" ,"))
        for phrase in (*(opener for openers in OPENERS for opener in openers), *PARTS, *THINGS, "Ladies and gentlemen")
        if " " in phrase.strip(" ,")
    )
)
"""What no filler is put into: nobody says "As, um, a result"."""


@dataclass(frozen=True, slots=True)
class SyntheticTranscript:
    """A generated transcript and what it was generated to be."""

    document_id: str
    """Documents hold one or two transcripts on one topic."""
    text: str
    genre: str
    levels: dict[str, int]
    """The level 1..10 by trait key that the wording was drawn at."""


def draw_levels(random_: random.Random) -> dict[str, int]:
    """Return one level for each trait, independent of each other."""
    return {trait: random_.choices(SCORES, LEVEL_WEIGHTS[trait])[0] for trait in TRAIT_KEYS}


def generate_transcripts(count: int, seed: int) -> Iterator[SyntheticTranscript]:
    """Yield `count` transcripts; the same `count` and `seed` give the same texts."""
    random_ = random.Random(f"speech-{seed}")
    document, left = 0, 0
    topic = ""
    for _ in range(count):
        if left == 0:
            document, left, topic = document + 1, random_.choice((1, 1, 2)), random_.choice(THINGS)
        left -= 1
        levels = draw_levels(random_)
        yield SyntheticTranscript(f"embedded-{seed}-{document}", speak(topic, levels, random_), topic, levels)


def speak(topic: str, levels: dict[str, int], random_: random.Random, sentences_per_trait: int = 2) -> str:
    """Return a transcript about `topic`, one of `THINGS`, at `levels`."""
    blocks = [
        draw_sentences(trait, levels[trait], topic, part, random_, sentences_per_trait)
        for trait, part in zip(SENTENCES, random_.sample(PARTS, len(SENTENCES)), strict=True)
    ]
    random_.shuffle(blocks)
    greeting = random_.choice(GREETINGS[band_of(levels["formality"])]).format(thing=topic)
    ordered = order(blocks, levels["transition_logic"], random_)
    spoken = [greeting, *(speak_in(sentence, levels["formality"]) for sentence in ordered)]
    if levels["formality"] >= JOINED_FROM:
        spoken = join_some(spoken, random_)
    return " ".join(with_fillers(spoken, levels["filler_words"], random_))


def draw_sentences(trait: str, level: int, topic: str, part: str, random_: random.Random, count: int) -> list[str]:
    """Return `count` different sentences at `level` of `trait`, some from the band beside it."""
    band = band_of(level)
    lean = -1 if level % 2 else 1  # an odd level is the lower of its band
    beside = min(max(band + lean, 0), len(SENTENCES[trait]) - 1)
    bands = [beside if random_.random() < BESIDE else band for _ in range(count)]
    drawn = [
        sentence
        for each in sorted(set(bands))
        for sentence in random_.sample(SENTENCES[trait][each], bands.count(each))
    ]
    return [with_articles(sentence.format(part=part, thing=topic)) for sentence in drawn]


def order(blocks: Sequence[Sequence[str]], level: int, random_: random.Random) -> list[str]:
    """Set sentences one after another: block by block at high levels, scattered with asides at low ones."""
    kept = round((level - MIN_SCORE) / (MAX_SCORE - MIN_SCORE) * len(blocks))
    scattered = [block[place] for place in range(len(blocks[0])) for block in blocks[kept:]]
    middle = len(scattered) // 2
    together = [sentence for block in blocks[:kept] for sentence in block]
    sentences = [*scattered[:middle], *together, *scattered[middle:]]
    for _ in range(max(0, 3 - level)):
        sentences.insert(random_.randrange(1, len(sentences)), random_.choice(ASIDES))
    openers = OPENERS[band_of(level)]
    return [_open(random_.choice(openers) if random_.random() < OPENED else "", sentence) for sentence in sentences]


def _open(opener: str, sentence: str) -> str:
    return opener + continued(sentence) if opener else sentence


def join_some(sentences: Sequence[str], random_: random.Random) -> list[str]:
    """Join some sentences to the one before with `and`."""
    joined: list[str] = []
    for sentence in sentences:
        last = joined[-1] if joined else ""
        tied = sentence.startswith(tuple(opener for openers in OPENERS for opener in openers))
        if (
            len(joined) > 1
            and not tied
            and last.endswith(".")
            and len(last.split()) < SHORT
            and random_.random() < JOINED
        ):
            joined[-1] = f"{last[:-1]}, and {continued(sentence)}"
        else:
            joined.append(sentence)
    return joined


def filler_load(level: int, words: int) -> float:
    """Return the summed filler weight that brings a text of `words` words to `level`."""
    return fillers_for(level) * words / 100


def choose_fillers(load: float, random_: random.Random) -> list[str]:
    """Fillers whose weights sum to about `load`."""
    chosen: list[str] = []
    while load > 0.2:
        fitting = [word for word in SPOKEN_FILLERS if FILLER_WEIGHTS[word] <= load + 0.2] or [SPOKEN_FILLERS[-1]]
        chosen.append(random_.choice(fitting))
        load -= FILLER_WEIGHTS[chosen[-1]]
    return chosen


def insert_filler(words: list[str], filler: str, random_: random.Random) -> None:
    """Set `filler` between commas somewhere before the last of `words`, in place."""
    place = random_.randrange(max(len(words), 1))
    if place == 0:
        words.insert(0, f"{filler.capitalize()},")
        words[1:] = continued(" ".join(words[1:])).split(" ")
        return
    words[place - 1] = words[place - 1].rstrip(",") + ","
    words.insert(place, f"{filler},")


def with_fillers(sentences: Sequence[str], level: int, random_: random.Random) -> list[str]:
    """Set fillers into `sentences` until they stand at `level`."""
    filled = [_UNDIVIDED.sub(lambda found: found[0].replace(" ", _HELD), sentence).split() for sentence in sentences]
    for filler in choose_fillers(filler_load(level, sum(map(len, filled))), random_):
        insert_filler(random_.choice(filled), filler, random_)
    return [" ".join(words).replace(_HELD, " ") for words in filled]


def write_demo_input(path: Path, count: int, seed: int) -> None:
    """Write `count` transcripts to `path` as JSON lines that `feedback land` reads."""
    with path.open("w", encoding="utf-8") as file:
        for index, transcript in enumerate(generate_transcripts(count, seed)):
            record = {"id": f"embedded-{seed}-t{index}", "document": transcript.document_id, "text": transcript.text}
            file.write(json.dumps({**record, "source": "embedded", "genre": transcript.genre}) + "\n")
