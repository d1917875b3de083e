"""Subtitles of players: SubStation Alpha (.ass and .ssa, "ASS File Format Specification") and MicroDVD."""

import re
from collections.abc import Iterator
from typing import Final

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.captions import spoken_in
from feedback_model.transcripts.formats.times import seconds_of

_STYLE: Final = re.compile(r"\{[^{}\n]*\}")
_BREAK: Final = re.compile(r"\\[Nnh]")
_FRAMES: Final = re.compile(r"\{(\d+)\}\{(\d*)\}(?P<text>.*)")
_RATE: Final = re.compile(r"\d+(?:\.\d+)?")
_FIELDS: Final = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]


def is_substation(head: str) -> bool:
    """Tell whether a text begins with the section that SubStation's files begin with."""
    return head.partition("\n")[0].strip() == "[Script Info]"


def read_substation(text: str) -> tuple[Turn, ...]:
    """Read the events that are dialogue; `Name` is the speaker where one is given."""
    return spoken_in(list(_events(text)))


def _events(text: str) -> Iterator[Turn]:
    names = _FIELDS
    for line in text.partition("[Events]")[2].splitlines():
        kind, _, rest = line.partition(":")
        if kind == "Format":
            names = [name.strip().casefold() for name in rest.split(",")]
        elif kind == "Dialogue":
            cells = dict(zip(names, rest.strip().split(",", len(names) - 1), strict=False))
            said = _BREAK.sub("\n", _STYLE.sub("", cells.get("text", "")))
            yield Turn(
                cells.get("name", "").strip() or None,
                seconds_of(cells.get("start")),
                seconds_of(cells.get("end")),
                said,
            )


def is_microdvd(head: str) -> bool:
    """Tell whether the first lines begin with two numbers of frames."""
    lines = [line for line in head.splitlines() if line.strip()][:3]
    return bool(lines) and all(map(_FRAMES.match, lines))


def read_microdvd(text: str) -> tuple[Turn, ...]:
    """Read the lines; they have times only where the first tells how many frames are a second."""
    found = [each for each in (_FRAMES.match(line) for line in text.splitlines()) if each]
    told = _RATE.fullmatch(found[0]["text"].strip()) if found else None
    rate = float(told[0]) if told else 0.0
    cues = [_subtitle(each, rate) for each in (found[1:] if told else found)]
    return spoken_in(cues)


def _subtitle(line: re.Match[str], rate: float) -> Turn:
    start, end = (float(line[n]) / rate if rate and line[n] else None for n in (1, 2))
    return Turn(None, start, end, _STYLE.sub("", line["text"]).replace("|", "\n"))
