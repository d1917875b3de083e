"""Segments in JSON: lists of turns as Whisper and its kin, AssemblyAI, Zoom and chats nest them, whatever fields are called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, Final

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.times import seconds_of

_LISTS: Final = (
    "speakers",
    *(
        "utterances",
        "segments",
        "turns",
        "monologues",
        "messages",
        "timeline",
        "phrases",
        "transcription",
        "chunks",
        "paragraphs",
    ),
    *(
        "sentences",
        "entries",
        "captions",
        "cues",
        "dialogue",
        "dialog",
        "conversation",
        "conversations",
        "transcript",
        "lines",
    ),
)
_TEXTS: Final = (
    "text",
    "transcript",
    "content",
    "utterance",
    "sentence",
    "value",
    "body",
    "message",
    "display",
    "sentences",
)
_SPEAKERS: Final = (
    *("speaker", "speaker_name", "speakerName", "speaker_label", "speakerLabel", "speakerTag", "speaker_id", "spk"),
    *("username", "users", "user", "role", "author", "participant", "from", "name", "channel"),
)
STARTS: Final = (
    "start",
    "start_time",
    "startTime",
    "startOffset",
    "begin",
    "ts",
    "offset",
    "timestamp",
    "timestamps",
    "offsets",
)
ENDS: Final = ("end", "end_time", "endTime", "endOffset", "end_ts", "stop", "timestamp", "timestamps", "offsets")
_MILLISECONDS: Final = 100
"""Median length of a turn above which whole numbers are no seconds."""


def read_turns(listed: Sequence[Any]) -> Iterator[Turn]:
    """Read a list of segments, whatever a program calls their fields; nothing where they are none."""
    parts = [each for each in listed if isinstance(each, dict)]
    turns = [turn for turn in map(turn_of, parts) if turn]
    lengths = [turn.end - turn.start for turn in turns if turn.start is not None and turn.end is not None]
    are_whole = all(_is_whole(part.get(name)) for part in parts for name in ("start", "end"))
    scale = 1000 if are_whole and lengths and median(lengths) > _MILLISECONDS else 1
    for turn in turns:
        yield replace(turn, start=turn.start and turn.start / scale, end=turn.end and turn.end / scale)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and value.isdecimal())


def turn_of(part: Mapping[str, Any]) -> Turn | None:
    """Read one segment; None where it says nothing."""
    text = _text(part)
    if text is None:
        return None
    start, end = time_of(part, STARTS, 0), time_of(part, ENDS, -1)
    if end is None and start is not None and (length := seconds_of(part.get("duration"))) is not None:
        end = start + length
    return Turn(speaker_of(part), start, end, " ".join(text.split()))


def _text(part: Mapping[str, Any]) -> str | None:
    found = next((part[name] for name in _TEXTS if isinstance(part.get(name), str) and part[name].strip()), None)
    if found is not None:
        return found
    pieces = next((part[name] for name in (*_TEXTS, "parts", "words") if isinstance(part.get(name), list)), [])
    texts = [
        each if isinstance(each, str) else each.get("text", each.get("word"))
        for each in pieces
        if isinstance(each, str | dict)
    ]
    return " ".join(each for each in texts if isinstance(each, str)) or None


def speaker_of(part: Mapping[str, Any]) -> str | None:
    """Return the speaker, whom programs give as a name, a number, an object or a list of these."""
    value = next((part[name] for name in _SPEAKERS if part.get(name) not in (None, "", [])), None)
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, dict):
        value = next((value[name] for name in ("name", "username", "displayName", "id") if name in value), None)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def time_of(part: Mapping[str, Any], names: Sequence[str], at: int) -> float | None:
    """Return the seconds in the first of the fields `names`; of a pair of times that `at` 0 or -1."""
    for name in names:
        value = part.get(name)
        if isinstance(value, list) and value:
            value = value[at]
        if isinstance(value, dict):  # whisper.cpp: offsets in milliseconds, beside timestamps with a comma
            value = value.get("to" if at else "from")
            value = value / 1000 if isinstance(value, int | float) else value
        if (seconds := seconds_of(value)) is not None:
            return seconds
    milliseconds = part.get("end_ms" if at else "start_ms", part.get("end_at" if at else "start_at"))
    return float(milliseconds) / 1000 if isinstance(milliseconds, int | float) else None


def nested_turns(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Read the first list that holds turns, in the object or one below it."""
    for name in _LISTS:
        listed = value.get(name)
        if isinstance(listed, list) and all(isinstance(each, dict) for each in listed) and any(map(_text, listed)):
            return read_turns(listed)
    inner = [each for each in value.values() if isinstance(each, dict)]
    return nested_turns(inner[0]) if len(inner) == 1 else None
