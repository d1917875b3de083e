"""Explanations of the offline labeller: a verdict, and the cues that pulled the score its way, quoted from the text.

An explanation has at most `MOST_WORDS` words; evidence is the place in the text that its first quotation stands in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from feedback_model.demo.labeller.cohesion import FEWEST, stem, topic_weights
from feedback_model.demo.labeller.cues import CUES, VERDICTS, Cue
from feedback_model.demo.labeller.reading import Reading, Span
from feedback_model.demo.labeller.scores import Scored, score, weigh_filler
from feedback_model.demo.labeller.weights import trait_weights
from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.traits import TRAIT_KEYS

MOST_WORDS: Final = 20
MOST_QUOTED: Final = 2
"""Words or phrases quoted for one cue."""
AROUND: Final = 3
"""Words kept on either side of what evidence is about."""
MIDDLING: Final = (5, 6)
"""Scores that are explained by what speaks for more and what speaks for less."""
HOW_OFTEN: Final = (
    (2.5, "now and then"),
    (5.5, "in every second sentence"),
    (10.0, "in most sentences"),
    (100.0, "in nearly every clause"),
)
"""Fillers in 100 words, at most, and how the rubric speaks of them."""
UNCERTAIN: Final = 0.5
"""Certainty below which the text, not its words, is what there is to speak of."""
FEWEST_WORDS: Final = 5
NO_WORDS: Final = "There is no word to judge."
NOT_ENGLISH: Final = "Hardly any word is known to this scorer, which reads English alone."
TOO_SHORT: Final = "Too few words to judge by."


@dataclass(frozen=True, slots=True)
class Remark:
    """A reason for a score, in words."""

    sentence_part: str
    weight: float
    """How far it pulled the score, in raw points; never below 0."""
    spans: tuple[Span, ...] = ()
    """What it quotes."""


@dataclass(frozen=True, slots=True)
class Explained:
    """Feedback with its evidence."""

    feedback: Feedback
    evidence: tuple[str, ...]
    """A quotation for each trait; empty where the score rests on what is not there."""


def explain(text: str) -> Explained:
    """Return feedback on all six traits of `text`, with evidence; any text has it."""
    scored = score(text)
    found = [_explain_trait(trait, scored.scores[number], scored) for number, trait in enumerate(TRAIT_KEYS)]
    return Explained(Feedback(tuple(each for each, _ in found)), tuple(evidence for _, evidence in found))


def _explain_trait(trait: str, score_: int, scored: Scored) -> tuple[TraitFeedback, str]:
    verdict = VERDICTS[trait][(score_ - 1) // 2]
    remarks = [] if scored.certainty < UNCERTAIN else _remarks(trait, score_, scored)
    if not remarks:
        return TraitFeedback(score_, _without_cue(trait, verdict, scored)), ""
    reasons = " but ".join(remark.sentence_part for remark in remarks)
    quoted = next((remark.spans[0] for remark in remarks if remark.spans), None)
    evidence = "" if quoted is None else _surroundings(scored.reading, quoted)
    return TraitFeedback(score_, _limited(verdict, reasons, remarks)), evidence


def _limited(verdict: str, reasons: str, remarks: Sequence[Remark]) -> str:
    whole = f"{verdict}: {reasons}."
    return whole if len(whole.split()) <= MOST_WORDS else f"{verdict}: {remarks[0].sentence_part}."


def _without_cue(trait: str, verdict: str, scored: Scored) -> str:
    if not scored.reading.words:
        return NO_WORDS
    if scored.certainty < UNCERTAIN:
        return TOO_SHORT if len(scored.reading.words) < FEWEST_WORDS else NOT_ENGLISH
    if trait == "transition_logic" and len(scored.reading.sentences) < FEWEST:
        return f"{verdict}: too few sentences to follow from one another."
    return f"{verdict}: nothing in the wording speaks for more or less."


def _remarks(trait: str, score_: int, scored: Scored) -> list[Remark]:
    if trait == "filler_words":
        return list(_fillers(scored.reading))
    raised, lowered = _raised_and_lowered(trait, scored)
    if trait == "transition_logic":
        raised = [*_topics_taken_up(scored.reading), *raised]
        lowered = [*_topics_dropped(scored.reading), *lowered]
        if score_ in MIDDLING and len(scored.reading.sentences) < FEWEST:
            return []
    if score_ in MIDDLING:
        return [*raised[:1], *lowered[:1]]
    return raised[:1] if score_ > max(MIDDLING) else lowered[:1]


def _raised_and_lowered(trait: str, scored: Scored) -> tuple[list[Remark], list[Remark]]:
    """Return what raised the score and what lowered it, each with the strongest first, quoted ones before others."""
    terms = {term.measure: term for term in trait_weights()[trait].terms}
    raised: list[Remark] = []
    lowered: list[Remark] = []
    for cue in CUES[trait]:
        known = [terms[name] for name in cue.measures if name in terms]
        pull = sum(term.contribute(scored.measures[term.measure]) for term in known)
        if known and (remark := _remark(cue, pull, known[0].weight > 0, scored.reading)):
            (raised if pull > 0 else lowered).append(remark)
    for remarks in (raised, lowered):
        remarks.sort(key=lambda remark: (not remark.spans, -remark.weight))
    return raised, lowered


def _remark(cue: Cue, pull: float, raises: bool, reading: Reading) -> Remark | None:
    if (pull > 0) != raises:
        return Remark(cue.absent, abs(pull)) if cue.absent else None
    if cue.present is None:
        return None
    spans = _distinct(reading, cue.quotable(reading)) if cue.quotable else ()
    if cue.quotable and not spans:
        return None
    return Remark(cue.present.format(_quoted(reading, spans)), abs(pull), spans)


def _distinct(reading: Reading, spans: Sequence[Span]) -> tuple[Span, ...]:
    by_wording: dict[str, Span] = {}
    for span in spans:
        by_wording.setdefault(reading.quote(span).lower(), span)
    return tuple(sorted(list(by_wording.values())[:MOST_QUOTED]))


def _quoted(reading: Reading, spans: Sequence[Span]) -> str:
    return " and ".join(f"\u201c{' '.join(reading.quote(span).split())}\u201d" for span in spans)


def _fillers(reading: Reading) -> Iterator[Remark]:
    spans = [span for name in ("filler", "empty_like", "repeat") for span in reading.found.get(name, ())]
    if not spans:
        yield Remark("no filler found", 0.0)
        return
    listed = sorted(reading.found.get("filler", ()), key=lambda span: -weigh_filler(reading, span))
    heaviest_first = [*listed, *(span for span in spans if span not in listed)]
    shown = _distinct(reading, heaviest_first)
    yield Remark(f"{_how_often(len(spans), len(reading.words))}, such as {_quoted(reading, shown)}", 1.0, shown)


def _how_often(fillers: int, words: int) -> str:
    if fillers == 1:
        return "one filler"
    in_100 = 100 * fillers / words
    return next(f"fillers {how_often}" for most, how_often in HOW_OFTEN if in_100 <= most)


def _topics_taken_up(reading: Reading) -> Iterator[Remark]:
    """Find the weightiest word that a sentence takes up from the one before."""
    best: tuple[float, Span] | None = None
    for (_, middle), (start, end) in pairwise(reading.sentences):
        before = topic_weights(reading.words[_:middle])
        for index in range(start, end):
            weight = before.get(stem(reading.words[index]), 0.0)
            if weight and (best is None or weight > best[0]):
                best = weight, reading.spans[index]
    if best is not None:
        yield Remark(f"{_quoted(reading, [best[1]])} is taken up from the sentence before", best[0], (best[1],))


def _topics_dropped(reading: Reading) -> Iterator[Remark]:
    """Find the first sentence that takes up nothing from the one before."""
    for before, (start, end) in pairwise(reading.sentences):
        said, says = (topic_weights(reading.words[slice(*each)]) for each in (before, (start, end)))
        if said and says and not said.keys() & says.keys():
            span = reading.spans[start][0], reading.spans[min(start + AROUND, end) - 1][1]
            yield Remark(f"{_quoted(reading, [span])} takes up nothing said before it", 0.0, (span,))
            return


def _surroundings(reading: Reading, span: Span) -> str:
    """Return the words around `span`, as they stand, without leaving its sentence."""
    inside = [k for k, (start, end) in enumerate(reading.spans) if start < span[1] and end > span[0]]
    if not inside:  # a mark: what it stands behind
        inside = [k for k, (_, end) in enumerate(reading.spans) if end <= span[0]][-1:]
    if not inside:
        return reading.quote(span)
    first, last = inside[0], inside[-1]
    start, end = next((s for s in reading.sentences if s[0] <= first < s[1]), (first, last + 1))
    begin, stop = reading.spans[max(start, first - AROUND)][0], reading.spans[min(end, last + 1 + AROUND) - 1][1]
    return reading.text[begin : max(stop, span[1])]
