"""Lines of times and words: STM and CTM of NIST's scoring toolkit (SCTK, "infmts"), and labels as Audacity exports them."""

import re
from typing import Final

from feedback_model.records.recordings import Turn

_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_STM: Final = re.compile(rf"(\S+)\s+(\S+)\s+(\S+)\s+{_NUMBER}\s+{_NUMBER}(?:\s+<[^>]*>)?(?:\s+(.*))?")
_CTM: Final = re.compile(rf"(\S+)\s+(\S+)\s+{_NUMBER}\s+{_NUMBER}\s+(\S+)(?:\s+(-?[\d.]+|NA)(?:\s.*)?)?")
_LABEL: Final = re.compile(rf"{_NUMBER}\t{_NUMBER}\t(.*)")
_NO_SPEECH: Final = re.compile(
    r"(?i)ignore_time_segment_in_scoring|inter_segment_gap|\([^()\s]*%?[^()\s]*\)(?=\s|$)|<[^<>\s]*>"
)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(";;")]


def is_stm(head: str) -> bool:
    """Tell whether the first lines have file, channel, speaker, two times and a text."""
    lines = _lines(head)[:5]
    found = [_STM.fullmatch(line) for line in lines[: max(1, len(lines) - 1)]]
    return bool(found) and all(
        each and " <NA> " not in each[0] and ("." in each[4] + each[5] or "<" in each[0]) for each in found
    )


def is_ctm(head: str) -> bool:
    """Tell whether the first lines have file, channel, two times and a word."""
    lines = _lines(head)[:5]
    return len(lines) > 2 and all(_CTM.fullmatch(line) and "<NA>" not in line for line in lines[:-1])


def is_label_track(head: str) -> bool:
    """Tell whether the first lines have two times and a text, as Audacity exports labels."""
    lines = _lines(head)[:5]
    return bool(lines) and all(map(_LABEL.fullmatch, lines[: max(1, len(lines) - 1)]))


def read_label_track(text: str) -> tuple[Turn, ...]:
    """Read the labels, each a turn."""
    found = [each for each in map(_LABEL.fullmatch, _lines(text)) if each]
    return tuple(Turn(None, float(each[1]), float(each[2]), " ".join(each[3].split())) for each in found)


def read_stm(text: str) -> tuple[Turn, ...]:
    """Read the segments; names have `_` for a space."""
    found = [each for each in map(_STM.fullmatch, _lines(text)) if each]
    turns = [Turn(each[3].replace("_", " "), float(each[4]), float(each[5]), _spoken(each[6] or "")) for each in found]
    return tuple(turn for turn in turns if turn.text)


def read_ctm(text: str) -> tuple[Turn, ...]:
    """Read the words; the channel is the speaker where there are more than one."""
    found = [each for each in map(_CTM.fullmatch, _lines(text)) if each]
    channels = {each[2] for each in found}
    return tuple(
        Turn(each[2] if len(channels) > 1 else None, float(each[3]), round(float(each[3]) + float(each[4]), 3), each[5])
        for each in found
        if not _NO_SPEECH.fullmatch(each[5])
    )


def _spoken(text: str) -> str:
    return " ".join(_NO_SPEECH.sub(" ", text).split())
