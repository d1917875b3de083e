"""What tools write around the words, kind by kind: it goes, and the words, who said them and prose that looks alike stay."""

import io
import json

import pytest

from feedback_model.records.recordings import Recording
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.files import read_stream
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions

ANA, BEN = "Good morning, all.", "Thank you, Ana."
TURNS = [("Ana Ruiz", ANA), ("Ben Okafor", BEN), ("Ana Ruiz", "Please go on."), ("Ben Okafor", "It rained.")]
PLAIN = [text for _, text in TURNS]


def read(text: str) -> list[tuple[str | None, str]]:
    found = list(read_stream(io.BytesIO(text.encode()), "talk", ReadingOptions(), Assumptions()))
    assert all(isinstance(each, Recording) for each in found)
    return [(turn.speaker, turn.text) for each in found if isinstance(each, Recording) for turn in each.turns]


def texts(text: str) -> list[str]:
    return [said for _, said in read(text)]


def srt(*captions: str) -> str:
    return "\n\n".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{said}" for n, said in enumerate(captions, start=1))


@pytest.mark.parametrize(
    ("captions", "said"),
    [
        (("- Good day.\n- And to you.", "–Yes, -5 degrees."), ["Good day. And to you.", "Yes, -5 degrees."]),  # noqa: RUF001
        (("[Applause]", "♪ We sing ♪", "(LAUGHTER)", "Thanks, [laughs] all."), ["We sing", "Thanks, all."]),
        (("Keep [the] word (and this).",), ["Keep [the] word (and this)."]),
        (("One line,[br]another.",), ["One line, another."]),
    ],
)
def test_marks_in_captions_are_not_said(captions: tuple[str, ...], said: list[str]) -> None:
    assert texts(srt(*captions)) == said


@pytest.mark.parametrize("form", ["[{0}] {1}", "({0}) {1}", ">> {0}: {1}", "[{0}]: {1}"])
def test_captions_name_speakers_in_many_ways(form: str) -> None:
    assert read(srt(*(form.format(name, text) for name, text in TURNS))) == TURNS


def test_chevrons_part_speakers_without_names() -> None:
    assert texts(srt(">> Good day. >> And to you.", "Yes.")) == ["Good day.", "And to you.", "Yes."]
    named = srt(">> ANA: Good day. >> And to you.", ">> ANA: Yes.")
    assert read(named) == [("ANA", "Good day."), (None, "And to you."), ("ANA", "Yes.")]


def test_printed_seconds_are_times() -> None:
    printed = "Detected language 'en'\n[1.00s -> 2.50s]  Good day.\n[2.50s -> 4.00s]  And to you."
    assert texts(printed) == ["Good day.", "And to you."]


def test_substation_keeps_names_and_words() -> None:
    events = "\n".join(
        f"Dialogue: 0,0:00:0{n}.00,0:00:0{n}.90,Default,{name},0,0,0,,{{\\i1}}{text}{{\\i0}}\\N"
        for n, (name, text) in enumerate(TURNS)
    )
    head = "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
    form = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    assert read(head + form + events) == TURNS


def test_microdvd_has_frames_for_times() -> None:
    assert texts("{1}{1}25.000\n{25}{50}Good|{y:i}day.\n{75}{99}And to you.\n") == ["Good day.", "And to you."]


@pytest.mark.parametrize(
    "text",
    [
        "WEBVTT is a format for captions, which I shall explain.\nIt begins with a line, and then come cues.",
        "@Begin with the end in mind, said my teacher.\nSo I did, and it worked.",
        '["Go away," she said.] That was how it began.\nThen the rain came, and we left.',
    ],
)
def test_prose_may_begin_as_formats_do(text: str) -> None:
    assert texts(text) == [text]


LABELLED = {
    "Trint": "{name} [00:00:0{n}] {text}",
    "ranges before names": "[00:0{n} - 00:0{n}] {name}: {text}",
    "ranges beside names": "{name} 00:00:0{n} - 00:00:0{n}\n{text}",
    "names below ranges": "00:00:0{n}:12 - 00:00:0{n}:20\n{name}\n{text}",
    "names on lines of their own": "{name}\n{text}\n",
    "chats": "12/03/2024, 10:0{n} - {name}: {text}",
}


@pytest.mark.parametrize("form", LABELLED.values())
def test_dialogues_come_in_many_forms(form: str) -> None:
    written = "\n".join(form.format(n=n, name=name, text=text) for n, (name, text) in enumerate(TURNS))
    assert read(written) == TURNS


def test_notices_in_chats_are_not_said() -> None:
    chat = "12/03/2024, 09:59 - Ana Ruiz added Ben\n12/03/2024, 10:00 - Ana Ruiz: One.\n12/03/2024, 10:01 - Ben left\n"
    assert texts(f"{chat}12/03/2024, 10:02 - Ana Ruiz: Two.") == ["One.", "Two."]


@pytest.mark.parametrize(
    ("form", "names"),
    [("{}. {}", "QA"), ("{}   {}", "QA"), ("{}: {}", ("speaker 1", "speaker 2")), ("{}: {}", ("spk_0", "spk_1"))],
)
def test_roles_may_be_small_or_letters(form: str, names: tuple[str, str]) -> None:
    assert read("\n".join(form.format(names[n % 2], said) for n, said in enumerate(PLAIN))) == [
        (names[n % 2], said) for n, said in enumerate(PLAIN)
    ]


def test_wide_colons_follow_names() -> None:
    written = "王明：你好。\n李华：谢谢。\n王明：请坐。\n李华：好的。"  # noqa: RUF001  that of Chinese
    assert read(written)[:2] == [("王明", "你好。"), ("李华", "谢谢。")]


def test_tags_of_songs_are_not_said() -> None:
    assert texts("[ti:Talk]\n[00:01.00]Good day.\n[00:02.00]And to you.\n[00:03.00]Yes.")[-3:] == [
        *("Good day.", "And to you.", "Yes."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "3:16 And the day was long.\n3:17 They went home.\n3:18 There was a house.\n3:19 In it lived a man.",
        "More: https://example.org/a\nVideo: https://example.org/b\nMore: https://example.org/c\nMore: https://example.org/d",
        "A. First we ate bread.\nThen we drank.\nA. And then we slept well.",
        "<b> is the tag for bold, I told them.\nThen I showed them another.",
    ],
)
def test_verses_links_and_points_stay(text: str) -> None:
    assert texts(text) == [text]


@pytest.mark.parametrize(
    "page",
    [
        "<table><tr><th>Who</th><th>Said</th></tr>{}</table>|<tr><td>{}</td><td>{}</td></tr>",
        "<dl>{}</dl>|<dt>{}</dt><dd>{}</dd>",
        "<div>{}</div>|<cite>{}:</cite> <time>0:01</time><p>{}</p>",
    ],
)
def test_pages_set_names_beside_words(page: str) -> None:
    whole, _, turn = page.partition("|")
    assert read(whole.format("".join(turn.format(*each) for each in TURNS))) == TURNS


def test_metadata_and_frames_in_captions() -> None:
    page = '<p begin="00:00:08:15" end="9s">Good <metadata><desc>x</desc></metadata>day.</p>'
    found = read_stream(
        io.BytesIO(f"<tt><body><div>{page}</div></body></tt>".encode()), "t", ReadingOptions(), Assumptions()
    )
    (recording,) = found
    assert isinstance(recording, Recording)
    assert (recording.turns[0].start, recording.turns[0].text) == (8.5, "Good day.")


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
    (found,) = read_stream(io.BytesIO(markup.encode()), "talk", ReadingOptions(), Assumptions())
    assert isinstance(found, Reject)
    assert found.code == "unknown_format"
