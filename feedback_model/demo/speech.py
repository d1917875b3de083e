"""Synthetic spoken transcripts whose wording carries each trait at a known level.

Each transcript is about one topic: clauses from `sentences`, shuffled, with graded words in their slots, openers
between them and fillers inside them. Levels are drawn independently for each trait and unevenly, so some score levels
are rare.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from feedback_model.demo.lexicon import FILLERS, SLOTS, SPOKEN_FILLERS
from feedback_model.demo.sentences import CLAUSES, GAINS, PLACES, TIMES, TOPICS
from feedback_model.traits import MAX_SCORE, MIN_SCORE, SCORES, TRAIT_KEYS

LEVEL_WEIGHTS = {
    "formality": (3, 6, 12, 15, 15, 14, 12, 11, 8, 4),
    "persuasiveness": (4, 9, 14, 14, 13, 12, 12, 10, 8, 4),
    "enthusiasm": (3, 7, 11, 13, 13, 13, 13, 12, 10, 5),
    "empathy": (4, 7, 10, 12, 14, 14, 13, 12, 9, 5),
    "filler_words": (5, 4, 6, 8, 11, 13, 14, 14, 13, 12),
    "transition_logic": (5, 10, 13, 13, 12, 12, 12, 11, 8, 4),
}
"""How often each level 1..10 is drawn, by trait."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_AN = re.compile(r"\ba (?=[aeiou])")
_SLOT_TRAIT = {slot: trait for trait, slots in SLOTS.items() for slot in slots}


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
            document, left, topic = document + 1, random_.choice((1, 1, 2)), random_.choice(sorted(TOPICS))
        left -= 1
        levels = draw_levels(random_)
        yield SyntheticTranscript(f"embedded-{seed}-{document}", speak(topic, levels, random_), topic, levels)


def speak(topic: str, levels: dict[str, int], random_: random.Random, clauses_per_trait: int = 2) -> str:
    """Return a transcript about `topic`, one of `TOPICS`, at `levels`."""
    chosen = [
        clause
        for clauses in CLAUSES.values()
        for clause in random_.sample(clauses, min(clauses_per_trait, len(clauses)))
    ]
    random_.shuffle(chosen)
    spoken = [_fill_topic(fill_slots(clause, levels, random_), topic, random_) for clause in chosen]
    spoken = _with_openers(spoken, levels["transition_logic"], random_, clauses_per_trait + 1)
    return _punctuate(with_fillers(spoken, levels["filler_words"], random_))


def graded_word(trait: str, slot: str, level: int, random_: random.Random, jitter: bool = True) -> str:
    """Return a word of `slot` whose grade is `level`, or with `jitter` now and then one beside it."""
    step = random_.choices((-1, 0, 1), (1, 6, 1))[0] if jitter else 0
    return SLOTS[trait][slot][min(max(level + step, MIN_SCORE), MAX_SCORE) - 1]


def fill_slots(clause: str, levels: dict[str, int], random_: random.Random, jitter: bool = True) -> str:
    """`clause` with words in its slots that stand at the levels of their traits; other placeholders stay."""

    def choose(match: re.Match[str]) -> str:
        trait = _SLOT_TRAIT.get(match.group(1))
        return graded_word(trait, match.group(1), levels[trait], random_, jitter) if trait else match.group()

    return _AN.sub("an ", _PLACEHOLDER.sub(choose, clause))


def _fill_topic(clause: str, topic: str, random_: random.Random) -> str:
    words = {"thing": TOPICS[topic], "place": PLACES, "time": TIMES, "gain": GAINS}
    return _AN.sub("an ", _PLACEHOLDER.sub(lambda match: random_.choice(words[match.group(1)]), clause))


def _with_openers(clauses: list[str], level: int, random_: random.Random, count: int) -> list[str]:
    opened = set(random_.sample(range(1, len(clauses)), min(count, len(clauses) - 1)))
    return [
        f"{graded_word('transition_logic', random_.choice(('opener', 'link')), level, random_)}, {clause}"
        if index in opened
        else clause
        for index, clause in enumerate(clauses)
    ]


def filler_load(level: int, words: int) -> float:
    """Return the summed filler weight that brings a text of `words` words to `level`."""
    return (MAX_SCORE - level) / (MAX_SCORE - MIN_SCORE) / 1.5 * words / 9


def choose_fillers(load: float, random_: random.Random) -> list[str]:
    """Fillers whose weights sum to about `load`."""
    chosen: list[str] = []
    while load > 0.2:
        fitting = [word for word in SPOKEN_FILLERS if FILLERS[word] <= load + 0.2] or [SPOKEN_FILLERS[-1]]
        chosen.append(random_.choice(fitting))
        load -= FILLERS[chosen[-1]]
    return chosen


def insert_filler(words: list[str], filler: str, random_: random.Random) -> None:
    """Set `filler` between commas somewhere before the last of `words`, in place."""
    place = random_.randrange(max(len(words), 1))
    if place == 0:
        words.insert(0, f"{filler.capitalize()},")
        if len(words) > 1 and words[1] not in ("I", "I'm"):
            words[1] = words[1][0].lower() + words[1][1:]
        return
    words[place - 1] = words[place - 1].rstrip(",") + ","
    words.insert(place, f"{filler},")


def with_fillers(clauses: list[str], level: int, random_: random.Random) -> list[str]:
    """`clauses` with fillers set into them until they stand at `level`."""
    filled = [clause.split() for clause in clauses]
    for filler in choose_fillers(filler_load(level, sum(map(len, filled))), random_):
        insert_filler(random_.choice(filled), filler, random_)
    return [" ".join(clause) for clause in filled]


def _punctuate(clauses: list[str]) -> str:
    return " ".join(f"{clause[0].upper()}{clause[1:]}." for clause in clauses)


def write_demo_input(path: Path, count: int, seed: int) -> None:
    """Write `count` transcripts to `path` as JSON lines that `feedback land` reads."""
    with path.open("w", encoding="utf-8") as file:
        for index, transcript in enumerate(generate_transcripts(count, seed)):
            record = {"id": f"embedded-{seed}-t{index}", "document": transcript.document_id, "text": transcript.text}
            file.write(json.dumps({**record, "source": "embedded", "genre": transcript.genre}) + "\n")
