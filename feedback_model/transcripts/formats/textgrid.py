"""Praat's TextGrid (Praat manual, "TextGrid file formats"), long and short: its tiers of intervals and of points."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from feedback_model.records.recordings import Turn

_TOKEN: Final = re.compile(r'"((?:[^"]|"")*)"|(?<![\w."\[-])(-?\d+(?:\.\d+)?(?:e-?\d+)?)(?![\w"\]:])', re.IGNORECASE)
_PARTS: Final = re.compile(
    r"phon|phone|seg|syll|mau|kan|word|tok|pos|gloss|lemma|tone|break|misc|transl", re.IGNORECASE
)
_WORDS: Final = re.compile(r"word", re.IGNORECASE)
_NO_NAMES: Final = re.compile(
    r"speech|text|utter|trans|ortho|sent|words?|silences?|tier ?\d*|speaker turns?|", re.IGNORECASE
)
_SILENCE: Final = frozenset({"", "<p:>", "sil", "<sil>", "sp", "#", "<pause>", "silent", "sounding"})


@dataclass(frozen=True, slots=True)
class _Tier:
    name: str
    turns: tuple[Turn, ...]


def is_textgrid(head: str) -> bool:
    """Tell whether a text begins as a TextGrid does."""
    return head.startswith("File type") and "TextGrid" in head[:200]


def read_textgrid(text: str) -> tuple[Turn, ...]:
    """Read the tiers of utterances; their names are speakers where they name more than the kind of tier."""
    tiers = [tier for tier in _tiers(text) if tier.turns]
    whole = [tier for tier in tiers if not _PARTS.search(tier.name)]
    chosen = whole or [tier for tier in tiers if _WORDS.search(tier.name)] or tiers[:1]
    turns = [turn for tier in chosen for turn in tier.turns]
    return tuple(sorted(turns, key=lambda turn: turn.start or 0.0))


def _tiers(text: str) -> Iterator[_Tier]:
    """Yield the tiers. In both forms of the file, the values of a tier are the same and come in the same order."""
    values = iter([(found[1], found[2]) for found in _TOKEN.finditer(text.partition("exists>")[2])])
    next(values, None)  # the number of tiers
    for kind, _ in values:
        if kind not in ("IntervalTier", "TextTier"):
            continue
        name = next(values, ("", ""))[0] or ""
        _, _, count = (next(values, (None, "0"))[1] for _ in range(3))
        size = int(float(count or 0))
        turns = [_turn(values, kind == "IntervalTier", name) for _ in range(size)]
        yield _Tier(name, tuple(turn for turn in turns if turn and turn.text.casefold() not in _SILENCE))


def _turn(values: Iterator[tuple[str | None, str | None]], is_interval: bool, name: str) -> Turn | None:
    numbers = [float(next(values, (None, "0"))[1] or 0) for _ in range(2 if is_interval else 1)]
    text = next(values, ("", None))[0] or ""
    speaker = None if _NO_NAMES.fullmatch(name) else name
    return Turn(speaker, numbers[0], numbers[-1], " ".join(text.replace('""', '"').split()))
