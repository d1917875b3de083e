"""CHAT, the transcripts of TalkBank (CHAT manual, 2024): the main lines (`*ANA:`) as they were spoken.

Lines of the header (`@`) and dependent tiers (`%mor:`) go, and so do codes: retracings, events, pauses, times.
"""

import re
from collections.abc import Iterator
from typing import Final

from feedback_model.records.recordings import Turn

_MAIN: Final = re.compile(r"\*([^\s:]+):\s*(.*)", re.DOTALL)
_TIMES: Final = re.compile(r"\x15?(\d{1,12})_(\d{1,12})\x15?\s*$")
_PARTICIPANT: Final = re.compile(r"([A-Z0-9]{2,7})((?:\s+[^\s,]+)+)")
_CODES: Final = (
    (re.compile(r"\[[^\[\]]*\]"), " "),  # [//], [=! laughs], [: meant]; the words said stay
    (re.compile(r"\((?:\.{1,3}|\d+(?:\.\d*)?)\)"), " "),  # pauses
    (
        re.compile(r"&=\S+|(?<!\S)0\S*|(?<!\S)(?:xxx|yyy|www)(?!\w)"),
        " ",
    ),  # events, words left out, what was not understood
    (re.compile(r"&[-+~]"), ""),  # &-um is "um"
    (re.compile(r"(?<!\S)\+[^\s\w]*(?P<mark>[.?!])(?=\s|$)"), r"\g<mark>"),  # trailing off, interruptions
    (re.compile(r"(?<!\S)\+[^\s\w]+"), " "),
    (re.compile(r"(?<=\w)@[a-z:]+|[<>()‡„↑↓⌈⌉⌊⌋∙]|(?<=[^\W\d]):(?=[^\W\d])"), ""),
    (re.compile(r"(?<=\w)_(?=\w)"), " "),
    (re.compile(r"(?<!\s)\s+([,.?!;])"), r"\1"),
)


def is_chat(head: str) -> bool:
    """Tell whether a text begins as CHAT does."""
    return bool(
        re.match(
            r"(?:@(?:UTF8|Font|Window|PID|Color words)[^\n]*\n\s*)*@Begin[ \t]*(?:\r?\n|$)|@UTF8[ \t]*(?:\r?\n|$)", head
        )
    )


def read_chat(text: str) -> tuple[Turn, ...]:
    """Read the main tier; continuations begin with a tab."""
    lines = re.sub(r"\r?\n[ \t]+", " ", text).splitlines()
    names = _names(lines)
    return tuple(turn for line in lines for turn in _turn(line, names) if turn.text)


def _names(lines: list[str]) -> dict[str, str]:
    """Return what the header calls the participants: `CHI Alex Target_Child` is Alex."""
    header = next((line.partition(":")[2] for line in lines if line.startswith("@Participants:")), "")
    found = {each[1]: each[2].split() for each in _PARTICIPANT.finditer(header)}
    return {code: words[0].replace("_", " ") for code, words in found.items() if len(words) > 1}


def _turn(line: str, names: dict[str, str]) -> Iterator[Turn]:
    found = _MAIN.fullmatch(line)
    if not found:
        return
    times = _TIMES.search(found[2])
    said = found[2][: times.start()] if times else found[2]
    for code, instead in _CODES:
        said = code.sub(instead, said)
    start, end = (float(times[1]) / 1000, float(times[2]) / 1000) if times else (None, None)
    yield Turn(names.get(found[1], found[1]), start, end, " ".join(said.split()))
