"""The mean of each score's distribution, from the log probabilities of a reply's tokens.

The mean of a judge's distribution agrees with people better than its mode in 92 of 120 comparisons (arXiv 2503.03064). The
first token of a number may belong to two scores ("1" begins "10"); providers whose tokenizer splits "10" are told apart by
what follows. Knows nothing of how replies are kept.
"""

import math
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast

from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

_SCORE = re.compile(r'"score"\s*:\s*(\d+)')


def expected_scores(tokens: Sequence[Any]) -> tuple[float, ...] | None:
    """The mean of each of the six scores, in the order of the traits; None where tokens do not tell all of them.

    Args:
        tokens: `choices[0].logprobs.content` of a chat completion.
    """
    try:
        pieces = [str(entry["token"]) for entry in tokens]
        starts = dict(zip(accumulate(map(len, pieces[:-1]), initial=0), range(len(pieces)), strict=True))
        found = [_expected(tokens, starts, match) for match in _SCORE.finditer("".join(pieces))]
    except (KeyError, TypeError, ValueError):
        return None
    complete = len(found) == len(TRAIT_KEYS) and None not in found
    return cast("tuple[float, ...]", tuple(found)) if complete else None


def _expected(tokens: Sequence[Any], starts: dict[int, int], match: re.Match[str]) -> float | None:
    place = starts.get(match.start(1))
    if place is None or str(tokens[place]["token"]) != match[1]:
        return None  # the score shares a token with something else, or takes several
    weights = {
        int(each["token"]): math.exp(each["logprob"])
        for each in tokens[place]["top_logprobs"]
        if str(each["token"]).isdecimal() and MIN_SCORE <= int(each["token"]) <= MAX_SCORE
    }
    total = sum(weights.values())
    return sum(score * weight for score, weight in weights.items()) / total if total else None
