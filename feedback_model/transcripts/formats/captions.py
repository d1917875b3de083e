"""Captions: WebVTT (W3C, 4 April 2019), SRT, SBV, and the lines in brackets that Whisper's command line prints.

One reader for all of them, for they differ in how a time is written and in nothing else. Files out of the wild lack numbers,
empty lines between cues or the header, so what tells a cue is its line of times alone.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.names import NAME, is_name
from feedback_model.transcripts.formats.times import CLOCK, clock_seconds

_ARROW: Final = re.compile(rf"[ \t]*\[?({CLOCK})\s*-->\s*({CLOCK})(\][ \t]*(?P<rest>.*)|[ \t].*)?")
_SBV: Final = re.compile(r"(\d+:\d\d:\d\d\.\d{3}),(\d+:\d\d:\d\d\.\d{3})(?P<rest>)[ \t]*")
_VOICE: Final = re.compile(r"<v(?:\.[^ \t>]*)?[ \t]+([^>]+)>")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>\n]*>|<\d[\d:.,]*>|</?[biuc]>|\{\\[^}\n]*\}")
_BLOCK: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
_NAMED: Final = re.compile(rf"(?:>>\s*)?\[?{NAME}\]?\s*:\s+(?=\S)")
_ANYHOW: Final = re.compile(
    r"\[?(?P<name>[^\W\d_][^:<>\[\]\n]{0,49}?)\]?\s*:\s+(?=\S)"
)  # `ana ruiz: `, where each cue has one
_NAME_LINE: Final = re.compile(r"[(\[]([^\W\d_][^()\[\]\n]{0,49})[)\]]")


def is_captions(head: str) -> bool:
    """Tell whether a text begins as captions do: with a header, or with times among its first lines."""
    lines = [line for line in head[:2000].splitlines() if line.strip()]
    return head.startswith("WEBVTT") or any(_times(line) for line in lines[:2])


def read_captions(text: str) -> tuple[Turn, ...]:
    """Read the cues of captions; of captions that roll, each line once."""
    cues = [_turn(*cue) for cue in _cues(text.splitlines())]
    return tuple(turn for turn in _with_speakers(_unrolled(cues)) if turn.text)


_Cue = tuple[float, float, list[str]]


def _times(line: str) -> re.Match[str] | None:
    return _ARROW.fullmatch(line) or _SBV.fullmatch(line.strip())


def _cues(lines: Sequence[str]) -> Iterator[_Cue]:
    """Yield start, end and lines of each cue; what stands between cues (headers, notes, ids) goes."""
    cue: _Cue | None = None
    is_open = False
    for number, line in enumerate(lines):
        if found := _times(line):
            if cue:
                yield cue
            rest = found["rest"]
            cue, is_open = (clock_seconds(found[1]), clock_seconds(found[2]), [rest] if rest else []), True
        elif not line.strip("\ufeff \t\r") and line != " ":
            is_open = False
        elif cue and (is_open or not _is_between(lines, number)):
            is_open = True
            if not _is_number_of_next(lines, number):
                cue[2].append(line)
    if cue:
        yield cue


def _is_between(lines: Sequence[str], number: int) -> bool:
    """Tell whether a line after an empty one names the next cue or belongs to a note, rather than going on with a cue's text."""
    if _BLOCK.match(lines[number]) or (number and _BLOCK.match(lines[number - 1])):
        return True
    following = lines[number + 1] if number + 1 < len(lines) else ""
    return bool(_times(following)) or _in_note(lines, number)


def _in_note(lines: Sequence[str], number: int) -> bool:
    while number and lines[number - 1].strip():
        number -= 1
    return bool(_BLOCK.match(lines[number]))


def _is_number_of_next(lines: Sequence[str], number: int) -> bool:
    """Tell a cue's number where no empty line parts it from the cue before."""
    following = lines[number + 1] if number + 1 < len(lines) else ""
    return lines[number].strip().isdecimal() and bool(_times(following))


def _turn(start: float, end: float, lines: list[str]) -> Turn:
    raw = "\n".join(lines)
    voice = _VOICE.search(raw)
    kept = (" ".join(_plain(line).split()) for line in lines)
    return Turn(
        html.unescape(voice[1]).strip() if voice else None, start, end, "\n".join(line for line in kept if line)
    )


def _plain(line: str) -> str:
    return html.unescape(_TAG.sub("", line))


def _unrolled(cues: Sequence[Turn]) -> list[Turn]:
    """Take from each cue the lines that the one before has shown already, where captions roll.

    One repeated line may have been said twice; captions roll where cues of several lines begin with what the last ended with.
    """
    shown = [cue for cue in cues if cue.text]
    pairs = list(pairwise(shown))
    repeated = sum(_overlap(before.text, after.text) > 0 for before, after in pairs)
    rolls = any("\n" in after.text and _overlap(before.text, after.text) for before, after in pairs)
    if not rolls or repeated < 0.4 * len(pairs) or any(cue.speaker for cue in shown):
        return shown
    rolled = [
        replace(after, text=_without_first(after.text, _overlap(before.text, after.text))) for before, after in pairs
    ]
    return [turn for turn in [*shown[:1], *rolled] if turn.text]


def _overlap(before: str, after: str) -> int:
    """Count the lines at the end of one cue that stand at the beginning of the next."""
    first, second = before.splitlines(), after.splitlines()
    return next((n for n in range(min(len(first), len(second)), 0, -1) if first[-n:] == second[:n]), 0)


def _without_first(text: str, count: int) -> str:
    return "\n".join(text.splitlines()[count:])


def _with_speakers(cues: Sequence[Turn]) -> Iterator[Turn]:
    """Take the speakers out of the text: `Name: ` as Zoom has it, `(Name)` on a line of its own as Meet has it."""
    lines = [_NAME_LINE.fullmatch(cue.text.partition("\n")[0]) for cue in cues]
    on_own_line = sum(map(bool, lines)) > len(cues) / 2
    form = _ANYHOW if cues and all(_ANYHOW.match(cue.text) for cue in cues) else _NAMED
    named = [None if on_own_line else form.match(cue.text) for cue in cues]
    are_names = _are_names([found["name"] for found in named if found], len(cues))
    for cue, line, found in zip(cues, lines, named, strict=True):
        if cue.speaker is None and line and on_own_line:
            yield replace(cue, speaker=line[1].strip(), text=_joined(cue.text.partition("\n")[2]))
        elif cue.speaker is None and found and are_names:
            yield replace(cue, speaker=found["name"].strip(), text=_joined(cue.text[found.end() :]))
        else:
            yield replace(cue, text=_joined(cue.text))


def _are_names(found: Sequence[str], n_cues: int) -> bool:
    """Tell names before colons from words before them: many cues have one, and they come again."""
    again = len(found) - len(set(found))
    return len(found) >= n_cues / 4 and again >= len(found) / 4 and all(map(is_name, found))


def _joined(text: str) -> str:
    return " ".join(text.split())
