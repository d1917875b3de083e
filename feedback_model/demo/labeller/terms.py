"""The measures that may speak for each trait, and the direction in which the rubric lets them.

A weight is fitted to people's scores but never against its sign, so that no accident of a corpus makes a hesitation formal.
"""

from typing import Final

from feedback_model.demo.labeller.cohesion import ORDER


def _signed(raising: str, lowering: str = "") -> dict[str, int]:
    return {
        name.strip(): sign
        for names, sign in ((raising, 1), (lowering, -1))
        for name in names.split(",")
        if name.strip()
    }


FITTED: Final[dict[str, dict[str, int]]] = {
    "formality": _signed(
        "words a sentence, letters, formal endings, formal density, rare words, articles, prepositions, commas, past, numbers, "
        "sequence density",
        "contractions, slang density, casual density, self density, address density, exclamations, questions, "
        "boosters, unknown words, hedge density, unfinished, repeated marks, faces, common words",
    ),
    "persuasiveness": _signed(
        "words, reason amount, support amount, obligation amount, contrast amount, sequence amount, addition amount, "
        "consequence amount, formal amount, others amount, numbers, letters, commas, sentences, rare words, prepositions, "
        "words a sentence, positive amount, variety",
        "questions, slang density, casual density, address density, hedge density, cold density, exclamations, unknown words, "
        "contractions, self density, repeated marks",
    ),
    "enthusiasm": _signed(
        "exclamations, positive density, positive amount, excited density, excited amount, strong words, boosters, "
        "address density",
        "flat density, hedge density, negations, negative density, negative amount, letters",
    ),
    "empathy": _signed(
        "feeling density, feeling amount, warmth density, warmth amount, others density, others amount, "
        "self density, strong words, boosters, positive density, address density, collective density",
        "cold density, cold amount, detached density, detached amount",
    ),
}
"""Trait to the measures fitted on people's scores: 1 where more of it raises the score, -1 where it lowers it."""
FLOOR: Final[dict[str, dict[str, float]]] = {
    "persuasiveness": {"reason amount": 0.2, "support amount": 0.25, "consequence amount": 0.1, "hedge density": 0.1},
    "empathy": {
        "cold density": 0.3,
        "cold amount": 0.25,
        "warmth density": 0.15,
        "warmth amount": 0.15,
        "feeling density": 0.15,
    },
    "enthusiasm": {"excited density": 0.06, "flat density": 0.04},
    "formality": {"formal density": 0.15, "casual density": 0.15},
}
"""Trait to the least that a measure counts, in raw points a standard deviation: what the rubric asks for counts even
where a corpus, whose authors all had it or all lacked it, cannot show its worth."""
ORDERED: Final[dict[str, int]] = dict.fromkeys(ORDER, 1)
"""Measures of order, fitted on texts against their own shuffled sentences."""
CONNECTED: Final[dict[str, int]] = _signed("consequence amount, contrast amount, sequence amount, addition amount")
"""Measures of connecting words, which with those of order make transition logic."""
