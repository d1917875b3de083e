"""Scores any text 1..10 on each trait by counting words: the labeller of the embedded endpoint, deterministic and
documented.

Filler words: a spoken clause is taken to be nine words long; with `load` = summed weight of fillers / clauses, the
score is `10 - 9 * min(1, 1.5 * load)`. Every other trait: the score is the weighted mean grade of the evidence found,
extreme grades weighing more than middling ones. Clear evidence is a word of `SLOTS`. Faint evidence is a word of
`MARKERS`, an exclamation mark (enthusiasm), a long or short word (formality), a sentence with no link (transition
logic); all of it together counts as one observation of weight `FAINT_CAP` at most, its mean stretched away from the
middle. So plain text still spreads over the scale, and a few clear words outweigh it. A person would disagree often:
it judges words, not meaning.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from feedback_model.demo.lexicon import FILLERS, MARKERS, SLOTS, grades_of
from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

WORDS_PER_CLAUSE = 9
FILLER_SLOPE = 1.5
MIDDLE = 5.5
PRIOR_WEIGHT = 0.1
FAINT_CAP = 0.25
"""Most that all faint evidence together weighs; a clear word weighs 0.5 to 1.1."""
FAINT_STRETCH = 2.0
"""How much further from the middle than their mean faint observations are taken to stand."""
LONG_WORD = 9
"""Letters from which a word counts as formal."""
SHORT_WORD = 3
"""Letters up to which a word counts as plain."""

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_SENTENCE = re.compile(r"[.!?]+")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation that speaks for a grade of a trait."""

    word: str
    grade: float
    """1..10 for graded traits; for fillers the weight, 0..1."""
    weight: float
    clear: bool = True
    """False for faint evidence."""


Found = dict[str, list[Evidence]]


def _weight(grade: int) -> float:
    return 0.4 + 0.15 * abs(grade - MIDDLE)


def _word_table() -> dict[str, list[tuple[str, Evidence]]]:
    table: dict[str, list[tuple[str, Evidence]]] = {}
    for trait in SLOTS:
        clear = grades_of(trait)
        marked = {word: grade for grade, words in MARKERS[trait].items() for word in words.split()}
        for word, grade in {**marked, **clear}.items():
            evidence = Evidence(word, float(grade), _weight(grade), word in clear)
            table.setdefault(word, []).append((trait, evidence))
    for word, weight in FILLERS.items():
        table.setdefault(word, []).append(("filler_words", Evidence(word, weight, 1.0)))
    return table


_SLOT_TRAIT = {word: trait for trait in SLOTS for word in grades_of(trait)}
_TABLE = {
    word: [(trait, evidence) for trait, evidence in found if _SLOT_TRAIT.get(word, trait) == trait]
    for word, found in _word_table().items()
}
"""Word or pair of words to its evidence; a slot word speaks for its own trait only."""
_PAIR_STARTS = frozenset(word.split(" ")[0] for word in _TABLE if " " in word)
_EXCLAMATION = Evidence("!", 9.0, 1.5, clear=False)
_LONG = Evidence("long words", 8.5, 0.3, clear=False)
_SHORT = Evidence("short words", 3.0, 0.1, clear=False)
_UNLINKED = Evidence("unlinked sentences", 2.5, 0.25, clear=False)


def find_words(text: str) -> list[str]:
    """Return the words of `text` in lower case, with straight apostrophes."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(text.lower())]


def _lookups(words: list[str]) -> Iterator[tuple[str, Evidence]]:
    for index, word in enumerate(words):
        if word in _PAIR_STARTS and index + 1 < len(words):
            yield from _TABLE.get(f"{word} {words[index + 1]}", ())
        yield from _TABLE.get(word, ())


def find_evidence(text: str, words: list[str]) -> Found:
    """Return all evidence in `text` by trait; `words` are its `find_words`."""
    found: Found = {key: [] for key in TRAIT_KEYS}
    for trait, evidence in _lookups(words):
        found[trait].append(evidence)
    found["enthusiasm"].extend([_EXCLAMATION] * min(text.count("!"), 4))
    found["formality"].extend([_LONG] * sum(len(word) >= LONG_WORD for word in words))
    found["formality"].extend([_SHORT] * sum(len(word) <= SHORT_WORD for word in words))
    sentences = max(len(_SENTENCE.findall(text)), 1)
    found["transition_logic"].extend([_UNLINKED] * max(sentences - len(found["transition_logic"]) - 1, 0))
    return found


def grade_fillers(found: list[Evidence], words: int) -> float:
    """Return the unrounded filler score of a text of `words` words, 1..10."""
    load = sum(evidence.grade for evidence in found) * WORDS_PER_CLAUSE / max(words, WORDS_PER_CLAUSE)
    return MAX_SCORE - (MAX_SCORE - MIN_SCORE) * min(1.0, FILLER_SLOPE * load)


def _mean(found: list[Evidence]) -> tuple[float, float]:
    weight = sum(evidence.weight for evidence in found)
    return sum(evidence.weight * evidence.grade for evidence in found) / weight, weight


def grade_evidence(found: list[Evidence]) -> float:
    """Return the weighted mean grade of `found` and of a prior that stands in the middle, within 1..10."""
    parts = [(MIDDLE, PRIOR_WEIGHT)]
    if clear := [evidence for evidence in found if evidence.clear]:
        parts.append(_mean(clear))
    if faint := [evidence for evidence in found if not evidence.clear]:
        mean, weight = _mean(faint)
        stretched = MIDDLE + FAINT_STRETCH * (mean - MIDDLE)
        parts.append((min(max(stretched, MIN_SCORE), MAX_SCORE), min(weight, FAINT_CAP)))
    return sum(grade * weight for grade, weight in parts) / sum(weight for _, weight in parts)


def _grade(trait: str, found: list[Evidence], words: int) -> float:
    return grade_fillers(found, words) if trait == "filler_words" else grade_evidence(found)


def _rounded(grade: float) -> int:
    return min(max(int(grade + 0.5), MIN_SCORE), MAX_SCORE)


def score_trait(text: str, trait: str) -> int:
    """Return the score of one trait of `text`."""
    words = find_words(text)
    return _rounded(_grade(trait, find_evidence(text, words)[trait], len(words)))


def score_transcript(text: str) -> Feedback:
    """Feedback on all six traits of `text`; any text has one, the empty text the neutral one."""
    words = find_words(text)
    found = find_evidence(text, words)
    return Feedback(tuple(_feedback(trait, found[trait], len(words)) for trait in TRAIT_KEYS))


_BANDS = {
    "formality": ("Slang throughout", "Casual wording", "Plain wording", "Careful wording", "Formal wording"),
    "persuasiveness": ("No support", "Weak support", "Some support", "Good support", "Strong support"),
    "enthusiasm": ("Flat and bored", "Little energy", "Some energy", "Lively words", "Eager words"),
    "empathy": ("Brushes feelings aside", "Hardly listens", "Polite enough", "Listens well", "Warm and caring"),
    "filler_words": ("Fillers everywhere", "Many fillers", "Some fillers", "Few fillers", "Hardly a filler"),
    "transition_logic": ("Ideas jump", "Loose links", "Simple links", "Clear links", "Every idea linked"),
}
"""The five verdicts of each trait, for scores 1-2, 3-4, 5-6, 7-8 and 9-10."""


def _feedback(trait: str, found: list[Evidence], words: int) -> TraitFeedback:
    score = _rounded(_grade(trait, found, words))
    verdict = _BANDS[trait][(score - 1) // 2]
    if not found:
        return TraitFeedback(score, f"{verdict}.")
    if trait == "filler_words":
        strongest = max(found, key=lambda evidence: evidence.grade)
    else:
        strongest = min(found, key=lambda evidence: (not evidence.clear, abs(evidence.grade - score)))
    return TraitFeedback(score, f"{verdict}, such as {strongest.word}.")
