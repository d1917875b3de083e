"""Words for what the offline labeller found: for each measure that moves a score, how to say so and what to quote.

A cue is said of a measure that pulled the score its way; `present` holds one place for the quoted words, or none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from feedback_model.demo.labeller.measures import valence_table
from feedback_model.demo.labeller.reading import Reading
from feedback_model.demo.labeller.tokens import Span
from feedback_model.demo.labeller.words import FORMAL_ENDINGS, FUNCTION_WORDS, UNTELLING

TELLING: Final = 1.0
"""Valence, of 4 at most, from which a word is worth quoting."""

Quotable = Callable[[Reading], Sequence[Span]]


@dataclass(frozen=True, slots=True)
class Cue:
    """How to speak of a measure."""

    measures: tuple[str, ...]
    """Measures whose contributions are added."""
    present: str | None
    """Said where there is more of it than usual; `{}` takes the words quoted."""
    quotable: Quotable | None = None
    absent: str | None = None
    """Said where there is less of it than usual."""


def _listed(*names: str) -> Quotable:
    """Quote what stands in the lists `names`, but for words that tell a reader nothing by themselves."""

    def find(reading: Reading) -> list[Span]:
        spans = sorted({span for name in names for span in reading.found.get(name, ())})
        return [span for span in spans if reading.quote(span).lower() not in UNTELLING]

    return find


def _valued(sign: int) -> Quotable:
    """Quote the brightest words, or for -1 the gloomiest."""

    def find(reading: Reading) -> list[Span]:
        table = valence_table()
        values = [(sign * table.get(word, 0.0), span) for word, span in zip(reading.words, reading.spans, strict=True)]
        return [span for value, span in sorted(values, key=lambda each: (-each[0], each[1])) if value > TELLING][:4]

    return find


def _formal(reading: Reading) -> list[Span]:
    listed = set(reading.found.get("formal", ()))
    endings = (
        span
        for word, span in zip(reading.words, reading.spans, strict=True)
        if len(word) > 7 and word.endswith(FORMAL_ENDINGS) and word not in FUNCTION_WORDS
    )
    longest_first = sorted({*listed, *endings}, key=lambda span: (span[0] - span[1], span))
    return longest_first[:2]


CUES: Final[dict[str, tuple[Cue, ...]]] = {
    "formality": (
        Cue(("slang density", "unknown words"), "slang such as {}", _listed("slang"), "no slang"),
        Cue(("contractions",), "contractions such as {}", _listed("contraction"), "no contractions"),
        Cue(("casual density",), "everyday words such as {}", _listed("casual"), "hardly an everyday word"),
        Cue(
            ("self density", "address density"),
            "a personal tone with {}",
            _listed("self", "address"),
            "an impersonal tone",
        ),
        Cue(("formal density", "formal endings", "letters"), "words such as {}", _formal, "short, plain words"),
        Cue(("words a sentence",), "long, complete sentences", None, "short, clipped sentences"),
        Cue(("exclamations",), "exclamations", _listed("exclamation")),
        Cue(("questions",), "questions thrown in", _listed("question")),
        Cue(("faces", "repeated marks"), "signs such as {}", _listed("face", "repeated_mark")),
    ),
    "persuasiveness": (
        Cue(("support amount",), "support such as {}", _listed("support"), "no fact or example"),
        Cue(("reason amount", "consequence amount"), "reasons given with {}", _listed("reason"), "hardly a reason"),
        Cue(("numbers",), "figures such as {}", _listed("number")),
        Cue(("obligation amount",), "a clear call with {}", _listed("obligation")),
        Cue(("contrast amount",), "other sides weighed with {}", _listed("contrast")),
        Cue(("positive amount",), "benefits named"),
        Cue(("words", "sentences"), "a point that is developed", None, "a point left undeveloped"),
        Cue(("hedge density",), "hedges such as {}", _listed("hedge"), "no hedging"),
        Cue(("casual density", "slang density"), "loose talk such as {}", _listed("slang", "casual")),
        Cue(("cold density",), "dismissals such as {}", _listed("cold")),
        Cue(("questions",), "questions in place of claims", _listed("question")),
        Cue(("self density", "address density"), "talk of {} more than of the matter", _listed("self", "address")),
    ),
    "enthusiasm": (
        Cue(("excited density", "excited amount"), "eager words such as {}", _listed("excited"), "no eager word"),
        Cue(
            ("positive density", "positive amount", "strong words"),
            "bright words such as {}",
            _valued(1),
            "few bright words",
        ),
        Cue(("exclamations",), "exclamations", _listed("exclamation")),
        Cue(("flat density",), "flat words such as {}", _listed("flat")),
        Cue(("negative density", "negative amount"), "gloomy words such as {}", _valued(-1)),
        Cue(("negations",), "many negatives", None),
        Cue(("hedge density",), "hedges such as {}", _listed("hedge")),
    ),
    "empathy": (
        Cue(
            ("feeling density", "feeling amount"),
            "words of feeling such as {}",
            _listed("feeling"),
            "no word of feeling",
        ),
        Cue(("warmth density", "warmth amount"), "warmth such as {}", _listed("warmth"), "no word of warmth"),
        Cue(("others amount",), "other people seen, as in {}", _listed("others"), "no other person mentioned"),
        Cue(("cold density", "cold amount"), "harsh words such as {}", _listed("cold")),
        Cue(("detached density", "detached amount"), "distance kept with {}", _listed("detached")),
    ),
    "transition_logic": (
        Cue(
            ("consequence amount", "contrast amount", "sequence amount", "addition amount"),
            "links such as {}",
            _listed("consequence", "contrast", "sequence", "addition"),
            "few linking words",
        ),
    ),
}
"""Trait to its cues; what is not here moves a score without a word."""

VERDICTS: Final[dict[str, tuple[str, str, str, str, str]]] = {
    "formality": ("Very informal", "Casual", "Neither casual nor formal", "Fairly formal", "Formal throughout"),
    "persuasiveness": ("Hardly makes a case", "Weak case", "Some case is made", "Good case", "Strong case"),
    "enthusiasm": ("Flat", "Little energy", "Some energy", "Lively", "Very eager"),
    "empathy": ("Cold", "Little care for others", "Neutral towards others", "Caring", "Warm and understanding"),
    "filler_words": ("Fillers everywhere", "Many fillers", "Some fillers", "Few fillers", "Fluent"),
    "transition_logic": ("Ideas jump", "Loosely linked", "Partly linked", "Well linked", "Each idea follows"),
}
"""The five verdicts of each trait, for scores 1-2, 3-4, 5-6, 7-8 and 9-10."""
