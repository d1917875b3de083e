"""What tools write around the words, kind by kind: it goes, and the words, who said them and prose that looks alike stay."""

import io

import pytest

from feedback_model.records.recordings import Recording
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
