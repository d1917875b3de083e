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
from feedback_model.transcripts.formats.sounds import without_sounds
from feedback_model.transcripts.formats.times import CLOCK, clock_seconds

_ARROW: Final = re.compile(rf"[ \t]*\[?({CLOCK})\s*-->\s*({CLOCK})(\][ \t]*(?P<rest>.*)|[ \t].*)?")
_PRINTED: Final = re.compile(
    r"\[(\d+\.\d+)s?\s*-+>\s*(\d+\.\d+)s?(\])[ \t]*(?P<rest>.*)"
)  # as scripts around Whisper print it
_SBV: Final = re.compile(r"(\d+:\d\d:\d\d\.\d{3}),(\d+:\d\d:\d\d\.\d{3})(?P<rest>)[ \t]*")
_VOICE: Final = re.compile(r"<v(?:\.[^ \t<>]*)?[ \t]+([^<>]+)>")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>\n]*>|<\d[\d:.,]*>|</?[biuc]>|\{\\[^{}\n]*\}")
_MARK_OF_VOICE: Final = re.compile(r"^[-–—‐](?=[ \t]*[^\W\d])", re.MULTILINE)  # noqa: RUF001  dashes part two voices in a cue
_CHANGE: Final = re.compile(r"(?:(?<=\s)|^)>{2,3}(?=[ \t]*[^\s>])", re.MULTILINE)
"""Of the speaker, in live captions."""
_BLOCK: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
_NAMED: Final = re.compile(rf"(?:>>\s*)?\[?{NAME}\]?\s*:\s+(?=\S)")
_ANYHOW: Final = re.compile(r"(?:>> )?\[?(?P<name>[^\W\d_][^:<>\[\]\n]{0,49}?)\]?\s*:\s+(?=\S)")
"""`ana ruiz: `, where each cue has one."""
_NAME_LINE: Final = re.compile(r"(?:>> )?[(\[](?P<name>[^\W\d_][^()\[\]\n]{0,49})[)\]](?:\n|:?[ \t]+)")
_BARE_NAME_LINE: Final = re.compile(rf"{NAME}\n")
_LOOKED_AT: Final = 10
"""Lines; a program may print some before the first cue."""


def is_captions(head: str) -> bool:
    """Tell whether a text begins as captions do: with a header, or with times among its first lines."""
    lines = [line for line in head[:4000].splitlines() if line.strip()]
    if head.startswith("WEBVTT"):  # which a text about captions may begin with, too
        return not lines[0].removeprefix("WEBVTT").strip() or any(map(_times, lines))
    return any(map(_times, lines[:_LOOKED_AT]))


def read_captions(text: str) -> tuple[Turn, ...]:
    """Read the cues of captions; of captions that roll, each line once."""
    return _spoken([turn for cue in _cues(text.splitlines()) for turn in _turns(*cue)])


def spoken_in(cues: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return what is said in cues of other subtitles, as it is read in those of captions."""
    return _spoken([replace(cue, text=part) for cue in cues for part in _voices(_plain(cue.text))])


def _spoken(cues: Sequence[Turn]) -> tuple[Turn, ...]:
    return tuple(turn for turn in _with_speakers(_unrolled(cues)) if turn.text)


_Cue = tuple[float, float, list[str]]


def _times(line: str) -> re.Match[str] | None:
    return _ARROW.fullmatch(line) or _SBV.fullmatch(line.strip()) or _PRINTED.fullmatch(line.strip())


def _cues(lines: Sequence[str]) -> Iterator[_Cue]:
    """Yield start, end and lines of each cue; what stands between cues (headers, notes, ids) goes."""
    cue: _Cue | None = None
    is_open, in_brackets = False, False
    for number, line in enumerate(lines):
        if found := _times(line):
            if cue:
                yield cue
            rest = found["rest"]
            cue, is_open = (clock_seconds(found[1]), clock_seconds(found[2]), [rest] if rest else []), True
            in_brackets = rest is not None and "[" in line
        elif not line.strip("\ufeff \t\r") and line != " ":
            is_open = not in_brackets and _goes_on(lines, number)
        elif cue and is_open and not _is_number_of_next(lines, number):
            cue[2].append(line)
    if cue:
        yield cue


def _goes_on(lines: Sequence[str], number: int) -> bool:
    """Tell whether a cue's text goes on after an empty line, rather than the id of the next cue or a note coming."""
    following, second = ("".join(lines[number + n : number + n + 1]) for n in (1, 2))
    return not (_BLOCK.match(following) or _times(second))


def _is_number_of_next(lines: Sequence[str], number: int) -> bool:
    """Tell a cue's number where no empty line parts it from the cue before."""
    following = lines[number + 1] if number + 1 < len(lines) else ""
    return lines[number].strip().isdecimal() and bool(_times(following))


def _turns(start: float, end: float, lines: list[str]) -> Iterator[Turn]:
    """Yield the turns of a cue: one for each voice in it."""
    before, *voices = _VOICE.split("\n".join(lines))
    for part in _voices(_plain(before)):
        yield Turn(None, start, end, part)
    for name, said in zip(voices[::2], voices[1::2], strict=True):
        yield Turn(html.unescape(name).strip(), start, end, _plain(said))


def _plain(raw: str) -> str:
    """Return what is shown of a cue and was said, line by line."""
    shown = without_sounds(html.unescape(_TAG.sub("", raw.replace("[br]", "\n"))))
    lines = (" ".join(line.split()) for line in _MARK_OF_VOICE.sub("", shown).splitlines())
    return "\n".join(line for line in lines if line)


def _voices(text: str) -> Iterator[str]:
    """Part a cue where `>>` says that another speaks; the mark stays on, for it may have no name behind it."""
    first, *others = _CHANGE.split(text)
    yield from (part for part in [first.strip(), *(f">> {each.strip()}" for each in others)] if part)


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
    """Take the speakers out of the text: `Name: ` as Zoom has it, a line of its own as Meet and Teams' documents have it."""
    form = _form_of_names(cues)
    speaker: str | None = None
    for cue in cues:
        found = form.match(cue.text) if form and cue.speaker is None else None
        if found and is_name(found["name"]):
            speaker = found["name"].strip()
            yield replace(cue, speaker=speaker, text=_joined(cue.text[found.end() :]))
        else:  # a cue without a name goes on with what the last speaker said
            speaker = None if cue.text.startswith(">> ") else speaker
            yield replace(cue, speaker=cue.speaker or speaker, text=_joined(cue.text.removeprefix(">> ")))


def _form_of_names(cues: Sequence[Turn]) -> re.Pattern[str] | None:
    """Return how these captions name speakers; None where they name nobody."""
    many = len(cues) / 4
    for form, fewest in ((_NAME_LINE, 2 * many), (_BARE_NAME_LINE, 4 * many), (_ANYHOW, 4 * many), (_NAMED, many)):
        found = [match["name"] for cue in cues if (match := form.match(cue.text)) and is_name(match["name"])]
        again = len(found) - len(set(found))
        if found and len(found) >= fewest and again >= len(found) / 4:
            return form
    return None


def _joined(text: str) -> str:
    return " ".join(text.split())
