"""Columns of tables and fields of records: which of them holds the text, the speaker and the times."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from feedback_model.transcripts.formats.times import seconds_of

_UNIT: Final = re.compile(r"[(\[](?:s|sec|secs|seconds|ms|milliseconds|hh:mm:ss(?:[.,]\w+)?|mm:ss)[)\]]$")
TEXTS: Final = (
    *("text", "transcript", "transcription", "content", "body", "utterance", "speech", "sentence", "transcript_text"),
    *("full_text", "raw_text", "spoken_text", "message"),
)
"""Names of columns that can be meant for the text; `text` is meant wherever it stands."""
_TEXTS_ELSEWHERE: Final = (
    "texte",
    "texto",
    "testo",
    "tekst",
    "transkript",
    "transcripción",
    "transcrição",
    "trascrizione",
    "текст",
)
_SPEAKERS: Final = (
    "speaker",
    "speaker_name",
    "speaker_label",
    "speaker_id",
    "participant",
    "username",
    "role",
    "author",
    *("sprecher", "sprecherin", "locuteur", "hablante", "orador", "falante", "parlante", "spreker", "спикер"),
)
_STARTS: Final = (
    "start",
    "start_time",
    "starttime",
    "begin",
    "start_ms",
    "start_s",
    *("beginn", "anfang", "début", "inicio", "início", "inizio"),
)
_MAY_BE_STARTS: Final = ("timestamp", "timecode", "time", "zeit", "temps", "tiempo", "tempo", "hora")
"""Where they hold a clock's time beside a speaker; else they may be dates."""
_ENDS: Final = ("end", "end_time", "endtime", "stop", "end_ms", "end_s", *("ende", "fin", "fine", "fim"))
_DOCUMENTS: Final = (
    "document",
    "recording",
    "recording_id",
    "conversation",
    "conversation_id",
    "meeting",
    "meeting_id",
)
_NAMES: Final = frozenset(
    (*_SPEAKERS, *_STARTS, *_ENDS, *_DOCUMENTS, "id", "source", "genre", "title", "url", "language")
)
_FEWEST_WORDS: Final = 6
"""Of a value, for a column of any name to be meant for the text."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns that are read; None where there is none."""

    text: str
    speaker: str | None = None
    start: str | None = None
    end: str | None = None
    document: str | None = None


def find_columns(fields: Mapping[str, object], text_column: str = "", speaker_column: str = "") -> Columns | str:
    """Return the columns to read, by their names and a first row; or a sentence that says why none can be meant."""
    names = [str(name) for name in fields]
    text = _given(names, text_column) if text_column else _text_column(fields, names)
    if text_column and text is None:
        return f"there is no field {text_column!r} (fields: {_listed(names)}); name it with --text-column"
    if speaker_column and speaker_column not in names:
        return f"there is no field {speaker_column!r} (fields: {_listed(names)}); name it with --speaker-column"
    if text is None:
        candidates = _candidates(fields, names)
        found = f"{_listed(candidates)} can each be meant" if candidates else f"fields: {_listed(names)}"
        return f"there is no field 'text' ({found}); name it with --text-column"
    others = [name for name in names if name != text]
    speaker = speaker_column or _find(others, _SPEAKERS)
    return Columns(
        text,
        speaker,
        _find(others, _STARTS) or (_clock_column(fields, others) if speaker else None),
        _find(others, _ENDS),
        _find(others, _DOCUMENTS),
    )


def _clock_column(fields: Mapping[str, object], names: Sequence[str]) -> str | None:
    found = _find(names, _MAY_BE_STARTS)
    value = fields[found] if found else None
    return found if isinstance(value, str) and ":" in value and seconds_of(value) is not None else None


def _given(names: Sequence[str], wanted: str) -> str | None:
    return wanted if wanted in names else _find(names, (wanted.casefold(),))


def _text_column(fields: Mapping[str, object], names: Sequence[str]) -> str | None:
    exact = "text" if "text" in names else _find(names, ("text",))
    candidates = _candidates(fields, names)
    return exact or (candidates[0] if len(candidates) == 1 else None)


def _candidates(fields: Mapping[str, object], names: Sequence[str]) -> list[str]:
    """Return the columns that may be meant: those with a known name, or without one those that hold sentences."""
    known = [
        name for name in names if _plain(name) in (*TEXTS, *_TEXTS_ELSEWHERE) and isinstance(fields[name], str | None)
    ]
    if known:
        return known
    return [name for name in names if _plain(name) not in _NAMES and _is_sentence(fields[name])]


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and len(value.split()) >= _FEWEST_WORDS


def _find(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[name] for name in wanted if name in plain), None)


def _plain(name: str) -> str:
    """Return a column's name without its unit: `Start Time (s)` is `start_time`."""
    bare = _UNIT.sub("", name.casefold()).strip()
    return (bare or name.casefold()).replace(" ", "_")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"
