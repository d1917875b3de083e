"""Dialogues as people write and paste them: Otter, Rev, Teams, Zoom and Meet documents, chats, and plain `Name: text`.

Nothing marks these texts as what they are, so a text counts as a dialogue only where its lines say so again and again; else it is
left as it is, whole. What is recognised loses what nobody said: names, times, and the known lines above and below.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.names import NAME, ROLE, is_name
from feedback_model.transcripts.formats.sounds import without_asides
from feedback_model.transcripts.formats.times import clock_seconds

_DATE: Final = r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:,?[ \t]+|T))?"
_FRAMES: Final = r"(?:[:;]\d{2})?"
_CLOCK: Final = rf"(?<!\d)(?P<clock>\d{{1,3}}:\d{{2}}(?::\d{{2}})?(?:[.,]\d{{1,3}})?){_FRAMES}(?!:?\d)"
_UNTIL: Final = r"[ \t]*[-–—][ \t]*\d{1,3}:\d{2}"  # noqa: RUF001
_TO: Final = rf"(?:{_UNTIL}:\d{{2}}(?:[.,]\d{{1,3}})?{_FRAMES}|{_UNTIL}(?:[.,]\d{{1,3}})?(?=[\])]))?"
"""The end of a span: in brackets or with seconds, for a plan of a day has neither."""
_STAMP: Final = rf"[\[(]?{_DATE}{_CLOCK}(?:[ \t]?[AaPp]\.?[Mm]\.?|Z|[+-]\d\d:\d\d)?{_TO}[\])]?(?!\s*-->)"
_MOST_WORDS_OF_A_HEADER: Final = 12
_CHROME: Final = re.compile(  # what the programs write around the speech
    r"(?i)transcribed by https?://\S+|.{1,60} (?:started|stopped) (?:transcription|recording)|"
    r"(?:meeting|transcription|transcript|recording) ended after .*|.{1,60} (?:joined|left) the meeting\.?|"
    r"this editable transcript was computer generated.*|transcript(?:ion)?|"
    r"(?:this )?transcript (?:was )?(?:exported|generated|provided) .*"
)
_TAG_OF_A_SONG: Final = re.compile(r"\[(?:ti|ar|al|au|by|offset|length|re|ve|tool):.*\]")  # of .lrc
_COLUMNS: Final = re.compile(
    r"(?i)(?:no\.?|time\w*|start|speaker|name|who)(?:\t(?:end|time\w*|speaker|name|text|transcript|utterance|content|said))+"
)
_DATED: Final = re.compile(r"\[?\d{1,4}[./-]\d{1,2}[./-]\d{1,4},? .*")
"""A notice in a chat: somebody came, left or changed something."""
_ROLE_IN_SMALL: Final = (
    r"(?:speaker|spk|interviewer|interviewee|moderator|participant|respondent|user|assistant|host|guest)"
)

_SPACES: Final = re.compile("[\xa0\u2007\u202f]")
_MARKS: Final = re.compile("^[\u200e\u200f\ufeff]+", re.MULTILINE)  # of direction, as chats are exported with them
_SECONDS: Final = re.compile(r"^\[(\d+(?:\.\d+)?)s(?:[ \t]*[-–—][ \t]*\d+(?:\.\d+)?s)?\]")  # noqa: RUF001
_BARE_NAME: Final = re.compile(rf"{NAME}(?<![.!?])")
_ENDS_A_TEXT: Final = re.compile(r"[.!?…。！？][\"”’')]*$")  # noqa: RUF001

_Kind = Literal["header", "stamped name", "label", "stamp", "stamped text"]
_FORMS: Final[tuple[tuple[_Kind, re.Pattern[str]], ...]] = (
    ("stamp", re.compile(rf"{_STAMP}")),
    ("header", re.compile(rf"\[?{NAME}\]?[ \t]*[|,•·–-]?[ \t]+{_STAMP}[ \t]*:?(?P<text>)")),  # noqa: RUF001
    ("header", re.compile(rf"{_STAMP}[ \t]*[|,•·–-]?[ \t]+{NAME}:?(?P<text>)")),  # noqa: RUF001
    (
        "header",
        re.compile(rf"{_STAMP}[ \t]+From[ \t]+{NAME}(?:[ \t]+[tT]o[ \t]+[^:]+)?[ \t]*:(?P<text>.*)"),
    ),  # Zoom's chats
    ("stamped name", re.compile(rf"{NAME}[ \t]*{_STAMP}[ \t]*:[ \t]*(?P<text>.+)")),
    ("stamped name", re.compile(rf"{_STAMP}[ \t]*[–-]?[ \t]*\[?{NAME}\]?[ \t]*:[ \t]*(?P<text>.*)")),  # noqa: RUF001
    ("stamped name", re.compile(rf"{NAME}[ \t]*:[ \t]*(?=[\[(]){_STAMP}[ \t]*(?P<text>.+)")),
    ("stamped name", re.compile(rf"{NAME}[ \t]+[-–—][ \t]+{_STAMP}[ \t]*:[ \t]*(?P<text>.+)")),  # noqa: RUF001
    ("stamped name", re.compile(rf"{_STAMP}[ \t]+<[@+ ]?(?P<name>[^\W\d][^<>\s]*)>[ \t]+(?P<text>.+)")),  # IRC
    ("stamped name", re.compile(rf"{NAME}[ \t]+(?=\[){_STAMP}[ \t]+(?P<text>.+)")),
    ("label", re.compile(rf"{NAME}:?\t+(?!\d[\d:.]*\t)(?P<text>\S.*)")),  # cells of a table
    ("stamped name", re.compile(rf"{_STAMP}\t+{NAME}:?\t+(?P<text>\S.*)")),
    ("label", re.compile(r"(?P<name>[QA])(?:\.[ \t]+|[ \t]{2,})(?P<text>.+)")),  # as courts write questions and answers
    ("label", re.compile(rf"\[?(?P<name>{_ROLE_IN_SMALL}(?:[ _-]?(?:\d{{1,3}}|[A-Z]))?)\]?:(?:[ \t]+(?P<text>.*))?")),
    ("label", re.compile(rf"(?:>>[ \t]*)?\[?{NAME}\]?[ \t]*:(?:[ \t]+(?!https?://)(?P<text>.*))?")),
    (
        "stamped text",
        re.compile(rf"{_STAMP}(?:[ \t]+[-–—][ \t]+|[ \t]+|(?<=\]))(?![-–—]?[ \t]*\d{{1,2}}:\d\d)(?P<text>.+)"),  # noqa: RUF001
    ),
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, and the beginning of a turn that it may be."""

    text: str
    """What is said in it, if it is that."""
    whole: str
    kind: _Kind | None = None
    name: str | None = None
    start: float | None = None


def read_dialogue(text: str) -> tuple[Turn, ...] | None:
    """Read the turns of a dialogue; None where the text is none, and so is to be taken as it is."""
    lines = [_line(each.strip()) for each in _SPACES.sub(" ", _MARKS.sub("", text)).splitlines() if each.strip()]
    lines = _with_bare_names(
        [line for line in lines if not (_TAG_OF_A_SONG.fullmatch(line.whole) or _COLUMNS.fullmatch(line.whole))]
    )
    kinds = _kinds_of(lines)
    if not kinds:
        return None
    return tuple(turn for turn in _turns(lines, kinds) if turn.text)


def _as_clock(seconds: re.Match[str]) -> str:
    minutes, rest = divmod(float(seconds[1]), 60)
    return f"[{int(minutes)}:{rest:06.3f}]"


def _line(whole: str) -> _Line:
    if len(whole) > 60 and not re.search(r"[:：\t\])]|^[QA][. ]", whole[:90]):  # noqa: RUF001  spares the forms most lines
        return _Line(whole, whole)
    asked = _SECONDS.sub(_as_clock, whole).replace("：", ": ", 1)  # noqa: RUF001  the colon of Chinese and Japanese
    for kind, form in _FORMS:
        if found := form.fullmatch(asked):
            parts = found.groupdict()
            name = (parts.get("name") or "").strip()
            if not name or is_name(name):
                clock = parts.get("clock")
                return _Line(
                    parts.get("text") or "", whole, kind, name or None, clock_seconds(clock) if clock else None
                )
    return _Line(whole, whole)


def _with_bare_names(lines: list[_Line]) -> list[_Line]:
    """Join names on lines of their own to what they stand for: the time above them, or else the text below each of them."""
    stamps = [number for number, line in enumerate(lines) if line.kind == "stamp"]
    if len(stamps) > 1 and _are_names([line.whole for line in _below(lines, stamps)]):
        named = {number: replace(lines[number], kind="header", name=lines[number + 1].whole) for number in stamps}
        return [named.get(number, line) for number, line in enumerate(lines) if number - 1 not in named]
    above = [lines[number - 1] for number in stamps if number]
    if len(stamps) > 1 and len(above) == len(stamps) and _are_names([line.whole for line in above]):
        named = {number - 1: replace(lines[number], kind="header", name=lines[number - 1].whole) for number in stamps}
        return [named.get(number, line) for number, line in enumerate(lines) if number - 1 not in named]
    spoken = [line for line in lines if not _CHROME.fullmatch(line.whole)]
    names, texts = [line.whole for line in spoken[::2]], [line.whole for line in spoken[1::2]]
    if len(texts) > 3 and len(names) == len(texts) and _are_names(names) and all(map(_ENDS_A_TEXT.search, texts)):
        return [
            line if n % 2 else replace(line, kind="header", name=line.whole, text="") for n, line in enumerate(spoken)
        ]
    return lines


def _below(lines: Sequence[_Line], numbers: Sequence[int]) -> list[_Line]:
    return [line for number in numbers for line in lines[number + 1 : number + 2]]


def _are_names(found: Sequence[str]) -> bool:
    """Tell whether lines are names, and each of several people speaks again."""
    counted = Counter(found)
    return 1 < len(counted) < len(found) and min(counted.values()) > 1 and all(map(_BARE_NAME.fullmatch, found))


def _kinds_of(lines: Sequence[_Line]) -> set[_Kind]:
    """Return the kinds of lines that begin turns in this text; none where it is no dialogue."""
    found = Counter(line.kind for line in lines if line.kind)
    if _has_headers(lines):
        return {"header", "stamped name", "stamp"}
    kinds: set[_Kind] = {"label"} if _has_labels(lines) else set()
    if (found["stamp"] >= 3 and found["stamp"] >= len(lines) / 4) or "label" in kinds:
        kinds.add("stamp")
    if _is_stamped_throughout(lines):
        kinds |= {"stamped text", "stamp"}
    return kinds


def _has_headers(lines: Sequence[_Line]) -> bool:
    """Tell whether lines of a name and a time part the speakers: what is said stands in or below them, unlike in a schedule."""
    headers = [number for number, line in enumerate(lines) if line.kind in ("header", "stamped name")]
    said = [number for number in headers if lines[number].text or lines[number + 1 : number + 2]]
    followed = [number for number in said if lines[number].text or lines[number + 1].kind != "header"]
    return len(followed) > len(headers) / 2 and (len(headers) > 1 or headers == [0])


def _has_labels(lines: Sequence[_Line]) -> bool:
    """Tell whether names before colons part the speakers of this text."""
    places = [number for number, line in enumerate(lines) if line.kind == "label"]
    labels = [lines[number].name or "" for number in places]
    counted = Counter(labels)
    again = sum(count > 1 for count in counted.values())
    between = [line for line in lines[places[0] : places[-1] + 1] if line.kind != "stamp"] if places else []
    share = len(labels) / max(len(between), 1)
    if counted.keys() <= {"Q", "A"} and len(counted) < 2:  # "A." begins points of lists, too
        return False
    if labels and all(map(ROLE.fullmatch, labels)):
        return len(labels) > 1 and (share >= 0.5 or again > 0)
    if len(counted) == 1:
        return len(labels) > 2 and share >= 0.9
    return again >= 2 or (again == 1 and share >= 0.5)


def _is_stamped_throughout(lines: Sequence[_Line]) -> bool:
    stamped = [line for line in lines if line.kind == "stamped text"]
    bracketed = sum(line.whole[0] in "[(" for line in stamped)
    if not bracketed and all((other.start or 0) - (one.start or 0) == 1 for one, other in pairwise(stamped)):
        return False  # verses of a chapter
    in_order = all((one.start or 0) <= (other.start or 0) for one, other in pairwise(stamped))
    enough = max(2, 0.5 * len(lines)) if bracketed == len(stamped) else max(4, 0.8 * len(lines))
    return in_order and len(stamped) >= enough


def _turns(lines: Sequence[_Line], kinds: set[_Kind]) -> Iterator[Turn]:
    first = next((number for number, line in enumerate(lines) if line.kind in kinds), 0)
    before = [line.whole for line in lines[:first] if not _is_header(line.whole)]
    if before:
        yield Turn(None, None, None, "\n".join(before))
    name: str | None = None
    start: float | None = None
    said: list[str] = []
    for line in lines[first:]:
        if line.kind in kinds:
            yield Turn(name, start, None, _without_asides(said))
            name, start, said = line.name or name, line.start if line.start is not None else None, [line.text]
        elif not (_CHROME.fullmatch(line.whole) or _is_notice(line, kinds)):
            said.append(line.text if _is_time_in_a_turn(line, kinds) else line.whole)
    yield Turn(name, start, None, _without_asides(said))


def _is_notice(line: _Line, kinds: set[_Kind]) -> bool:
    return line.kind == "stamped text" and "header" in kinds and bool(_DATED.fullmatch(line.whole))


def _is_time_in_a_turn(line: _Line, kinds: set[_Kind]) -> bool:
    """Tell a line in which the same speaker goes on, after the time in brackets."""
    return line.kind == "stamped text" and bool(kinds & {"header", "label"}) and line.whole[0] in "[("


def _is_header(line: str) -> bool:
    """Tell a title, a date or a list of names above the first turn from something said there."""
    is_short = len(line.split()) <= _MOST_WORDS_OF_A_HEADER and line[-1] not in ".!?"
    return is_short or bool(_CHROME.fullmatch(line)) or bool(_DATED.fullmatch(line))


def _without_asides(said: Sequence[str]) -> str:
    lines = (" ".join(without_asides(line).split()) for line in said)
    return "\n".join(line for line in lines if line)
