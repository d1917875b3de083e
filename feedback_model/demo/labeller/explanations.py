"""Explanations of the offline labeller: a verdict, and the cues that pulled the score its way, quoted from the text.

An explanation has at most `LONGEST_EXPLANATION` words; evidence is the place in the text that its first quotation stands in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from feedback_model.demo.labeller.cohesion import FEWEST, stem, topic_weights
from feedback_model.demo.labeller.cues import CUES, VERDICTS, Cue
from feedback_model.demo.labeller.reading import Reading
from feedback_model.demo.labeller.scores import Scored, score
from feedback_model.demo.labeller.tokens import Span
from feedback_model.demo.labeller.weights import trait_weights
from feedback_model.demo.labeller.words import CONNECTING_OPENERS, LEADING_ON, PERSONS, POINTING_OPENERS
from feedback_model.feedback import LONGEST_EXPLANATION, Feedback, TraitFeedback
from feedback_model.traits import TRAIT_KEYS

MOST_QUOTED: Final = 2
"""Words or phrases quoted for one cue."""
AROUND: Final = 5
"""Most words kept on either side of what evidence is about."""
MIDDLING: Final = (5, 6)
"""Scores that are explained by what speaks for more and what speaks for less."""
HOW_OFTEN: Final = (
    "in nearly every clause",
    "in most sentences",
    "in every second sentence",
    "now and then",
    "hardly ever",
)
"""How often fillers come, for scores 1-2, 3-4, 5-6, 7-8 and 9-10."""
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
    return whole if len(whole.split()) <= LONGEST_EXPLANATION else f"{verdict}: {remarks[0].sentence_part}."


def _without_cue(trait: str, verdict: str, scored: Scored) -> str:
    if not scored.reading.words:
        return NO_WORDS
    if scored.certainty < UNCERTAIN:
        return TOO_SHORT if len(scored.reading.words) < FEWEST_WORDS else NOT_ENGLISH
    if trait == "transition_logic" and len(scored.reading.sentences) < FEWEST:
        return f"{verdict}: too short to tell."
    return f"{verdict}: nothing in the wording speaks for more or less."


def _remarks(trait: str, score_: int, scored: Scored) -> list[Remark]:
    if trait == "filler_words":
        return list(_fillers(score_, scored.reading))
    raised, lowered = _raised_and_lowered(trait, scored)
    if trait == "transition_logic":
        raised = [*_topics_taken_up(scored.reading), *raised]
        lowered = [*_topics_dropped(scored.reading), *lowered]
        if score_ in MIDDLING and len(scored.reading.sentences) < FEWEST:
            return []
    if score_ in MIDDLING:
        quoted = {scored.reading.quote(span).lower() for remark in raised[:1] for span in remark.spans}
        others = [each for each in lowered if not quoted & {scored.reading.quote(span).lower() for span in each.spans}]
        return [*raised[:1], *others[:1]]
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
    # Single marks: a small model closes a double one with the `"` that ends the JSON string.
    return " and ".join(f"\u2018{' '.join(reading.quote(span).split())}\u2019" for span in spans)


def _fillers(score_: int, reading: Reading) -> Iterator[Remark]:
    heaviest_first = sorted(reading.fillers, key=lambda filler: -filler.weight)
    shown = _distinct(reading, [filler.span for filler in heaviest_first])
    if not shown:
        yield Remark("no filler found", 0.0)
    elif len(reading.fillers) == 1:
        yield Remark(f"only {_quoted(reading, shown)}", 1.0, shown)
    else:
        yield Remark(f"{HOW_OFTEN[(score_ - 1) // 2]}, such as {_quoted(reading, shown)}", 1.0, shown)


def _topics_taken_up(reading: Reading) -> Iterator[Remark]:
    """Find the weightiest word that a sentence takes up from the one before."""
    best: tuple[float, Span] | None = None
    for before, (start, end) in pairwise(reading.sentences):
        said = topic_weights(reading.words[slice(*before)])
        for index in range(start, end):
            weight = said.get(stem(reading.words[index]), 0.0)
            if weight and (best is None or weight > best[0]):
                best = weight, reading.spans[index]
    if best is not None:
        yield Remark(f"{_quoted(reading, [best[1]])} is taken up from the sentence before", best[0], (best[1],))


def _topics_dropped(reading: Reading) -> Iterator[Remark]:
    """Find the first sentence that has nothing in common with the one before, and does not point back either."""
    for before, (start, end) in pairwise(reading.sentences):
        said, says = (reading.words[slice(*each)] for each in (before, (start, end)))
        if (topics := topic_weights(says)) and not _has_link(said, says):
            index = max(range(start, end), key=lambda k: topics.get(stem(reading.words[k]), 0.0))
            span = reading.spans[index]
            yield Remark(f"{_quoted(reading, [span])} follows from nothing said before", 0.0, (span,))
            return


def _has_link(said: Sequence[str], says: Sequence[str]) -> bool:
    if says[0] in POINTING_OPENERS or says[0] in CONNECTING_OPENERS or says[0] in LEADING_ON:
        return True
    topics, persons = topic_weights(said).keys() & topic_weights(says).keys(), set(said) & set(says) & PERSONS.keys()
    return bool(topics or persons)


def _surroundings(reading: Reading, span: Span) -> str:
    """Return the words around `span`, as they stand, up to the next mark on either side."""
    inside = [k for k, (start, end) in enumerate(reading.spans) if start < span[1] and end > span[0]]
    if not inside:  # a mark: what it stands behind
        inside = [k for k, (_, end) in enumerate(reading.spans) if end <= span[0]][-1:]
    if not inside:
        return reading.quote(span)
    first, last = inside[0], inside[-1]
    while first > max(0, inside[0] - AROUND) and not _marked(reading, first - 1):
        first -= 1
    while last < min(len(reading.spans) - 1, inside[-1] + AROUND) and not _marked(reading, last):
        last += 1
    return " ".join(reading.text[reading.spans[first][0] : max(reading.spans[last][1], span[1])].split())


def _marked(reading: Reading, index: int) -> bool:
    """Tell whether a mark stands between a word and the next."""
    return not reading.text[reading.spans[index][1] : reading.spans[index + 1][0]].isspace()
