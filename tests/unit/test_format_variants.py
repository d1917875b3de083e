"""What tools write around the words, kind by kind: it goes, and the words, who said them and prose that looks alike stay."""

import io

import pytest

from feedback_model.records.recordings import Recording
from feedback_model.transcripts.files import read_stream
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions
from tests.reading import PLAIN, TURNS, read, refused, srt, texts


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


@pytest.mark.parametrize(
    "form",
    [
        *("{name}\n00:0{n}\n{text}", "{name} - 00:0{n}: {text}", "[{n}.0s] {name}: {text}"),
        *("2024-03-12T10:00:0{n}Z {name}: {text}", "\u200e[3/1/24, 10:00:0{n}\u202fPM] {name}: {text}"),
    ],
)
def test_times_are_written_in_many_forms(form: str) -> None:
    assert read("\n".join(form.format(n=n, name=name, text=text) for n, (name, text) in enumerate(TURNS))) == TURNS


def test_names_may_have_titles() -> None:
    names = ("Ana Ruiz (host)", "Ben Okafor, MD")
    written = [(names[n % 2], text) for n, text in enumerate(PLAIN)]
    assert read("\n".join(f"{name}: {text}" for name, text in written)) == written


def test_nicknames_of_chats_are_speakers() -> None:
    assert read("[10:00] <ana> One.\n[10:01] <ben_> Two.\n[10:02] <ana> Three.")[:2] == [
        ("ana", "One."),
        ("ben_", "Two."),
    ]


def test_labels_of_audacity_have_two_times() -> None:
    assert texts("1.000000\t3.500000\tGood day.\n4.000000\t5.000000\tAnd to you.\n") == ["Good day.", "And to you."]


@pytest.mark.parametrize(
    "lines",
    [
        "SPEAKER talk 1 {n}.00 2.50 <NA> <NA> ana <NA> <NA>",
        "Ana\t\t00:00:0{n}.000\t{n}.0\t00:00:0{n}.500\t{n}.5\tGood day.",
        "start={n}.0s stop={n}.5s speaker_A Good day.",
    ],
)
def test_lines_of_unknown_tools_are_refused(lines: str) -> None:
    written = "\n".join(lines.format(n=n) for n in range(5))
    assert refused(written) == "unknown_format"


def test_plans_of_a_day_stay() -> None:
    plan = "09:00 - 09:30 Welcome\n09:30 - 10:15 The budget\n10:15 - 10:30 Coffee\n10:30 - 12:00 The cook"
    assert texts(plan) == [plan]
