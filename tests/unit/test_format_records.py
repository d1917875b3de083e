"""Recognisers' JSON, columns of tables, and whole transcripts in their cells."""

import io
import json
from datetime import time

import pytest

from tests.reading import PLAIN, TURNS, read, refused, srt, texts


def word(text: str, at: float, **more: object) -> dict:
    return {"word": text, "start": at, "end": at + 0.1, **more}


def amazon_word(text: str, at: float) -> dict:
    return {"type": "pronunciation", "start_time": str(at), "end_time": str(at), "alternatives": [{"content": text}]}


CALL = [("0", "Hello."), ("1", "Hi there."), ("0", "Bye.")]
STOP = {"type": "punctuation", "alternatives": [{"content": "."}]}
RECOGNISED: dict[str, tuple[dict, list]] = {
    "channels of Deepgram": (
        {
            "results": {
                "channels": [
                    {"alternatives": [{"words": [word("Hello.", 1), word("Bye.", 5)]}]},
                    {"alternatives": [{"words": [word("Hi", 3), word("there.", 3.2)]}]},
                ]
            }
        },
        CALL,
    ),
    "channels of Amazon": (
        {
            "results": {
                "items": [],
                "channel_labels": {
                    "channels": [
                        {"channel_label": "0", "items": [amazon_word("Hello", 1), STOP, amazon_word("Bye", 5), STOP]},
                        {"channel_label": "1", "items": [amazon_word("Hi", 3), amazon_word("there", 3.2), STOP]},
                    ]
                },
            }
        },
        CALL,
    ),
    "channels of Google": (
        {"results": [{"alternatives": [{"transcript": text}], "channelTag": int(who)} for who, text in CALL]},
        CALL,
    ),
    "Amazon's call analytics": (
        {
            "Transcript": [
                {"Content": text, "ParticipantRole": who, "BeginOffsetMillis": n, "EndOffsetMillis": n + 1}
                for n, (who, text) in enumerate(CALL)
            ]
        },
        CALL,
    ),
    "Speechmatics": (
        {
            "results": [
                {"type": "word", "start_time": 1, "alternatives": [{"content": "Hi", "speaker": "S1"}]},
                {"type": "punctuation", "attaches_to": "previous", "alternatives": [{"content": ".", "speaker": "S1"}]},
                {"type": "word", "start_time": 2, "alternatives": [{"content": "Bye", "speaker": "S2"}]},
            ]
        },
        [("S1", "Hi."), ("S2", "Bye")],
    ),
    "sounds among words": (
        {"text": "x", "words": [{"text": "Hi.", "speaker_id": "a"}, {"text": "(laughter)", "type": "audio_event"}]},
        [("a", "Hi.")],
    ),
    "words without signs": ({"text": "Hi, all.", "words": [word("Hi", 1), word("all", 2)]}, [(None, "Hi, all.")]),
    "lists of speakers": (
        {
            "speakers": [{"speaker": "a", "text": "Hi.", "timestamp": [1, 2]}],
            "chunks": [{"text": "Hi."}],
            "text": "Hi.",
        },
        [("a", "Hi.")],
    ),
    "marks of a change": (
        {"transcription": [{"text": " Hi. [SPEAKER_TURN]"}, {"text": "[BLANK_AUDIO]"}]},
        [(None, "Hi.")],
    ),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_recognisers_have_many_shapes(name: str) -> None:
    value, expected = RECOGNISED[name]
    assert read(json.dumps(value)) == expected


@pytest.mark.parametrize(
    "table",
    [
        "Sprecher;Beginn;Ende;Text\n{}|{};{},5;9;{}",
        "Start Time (s)\tSpeaker Name\tSentence\n{}|{1}\t{0}\t{2}",
        "Timestamp\tSpeaker\tTranscript\n{}|00:0{1}\t{0}\t{2}",
    ],
)
def test_columns_are_known_under_many_names(table: str) -> None:
    whole, _, row = table.partition("|")
    assert read(whole.format("\n".join(row.format(who, n, text) for n, (who, text) in enumerate(TURNS)))) == TURNS


def test_a_single_column_has_its_name() -> None:
    assert texts('sentence\nOne day it rained.\n"Then, at noon, it snowed."') == [
        "One day it rained.",
        "Then, at noon, it snowed.",
    ]


def test_whole_transcripts_in_cells_are_read() -> None:
    dialogue = "\n".join(f"{name}: {text}" for name, text in TURNS)
    assert read(json.dumps({"text": dialogue})) == TURNS
    assert texts(json.dumps({"text": "WEBVTT\n\n" + srt(*PLAIN)})) == PLAIN
    prose = "I came home.\n# 5 of them said **so**."
    assert texts(json.dumps({"text": prose})) == [prose]


def test_markup_in_a_cell_costs_its_row() -> None:
    markup = json.dumps({"text": "<a>\n<b>\n<c>\n<d>"})
    assert refused(markup) == "unknown_format"


def test_records_on_one_line_are_unwrapped() -> None:
    turns = [{"speaker": name, "start": n, "text": text} for n, (name, text) in enumerate(TURNS)]
    assert read(json.dumps({"data": turns})) == TURNS


def test_cells_beside_one_another_are_turns() -> None:
    assert read("Speaker\tText\n" + "\n".join(f"{name}\t{text}" for name, text in TURNS)) == TURNS
    assert read("\n".join(f"00:0{n}\t{name}\t{text}" for n, (name, text) in enumerate(TURNS))) == TURNS


def test_workbooks_may_have_a_title() -> None:
    import openpyxl

    workbook, file = openpyxl.Workbook(), io.BytesIO()
    rows = [["An interview"], ["Start", "Speaker", "Text"], *([time(0, 0, n), *turn] for n, turn in enumerate(TURNS))]
    for row in rows:
        workbook.worksheets[0].append(row)
    workbook.save(file)
    assert read(file.getvalue()) == TURNS
