"""Words in are words out: an invented dialogue, written in any format, is read back as it was said."""

import csv
import html
import io
import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import ReadingOptions
from feedback_model.transcripts.sources import read_stream

Turns = Sequence[tuple[str, str]]
NAMES = ("Ana Ruiz", "Ben Okafor", "Chen O'Neill-Li")
WORDS = (
    "well,",
    "um",
    "it's",
    "10:30",
    "nine",
    "café",
    "R&D",
    "5%",
    "über",
    "and",
    "then",
    "I",
    "said",
    "so",
    "one:",
    "3.5",
    "we",
)
ENDS = (".", "?", "!", "...")


def clock(seconds: int, sign: str = ".") -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{sign}000"


def cues(turns: Turns, form: str, sign: str = ".") -> str:
    return "\n\n".join(
        form.format(n=n + 1, start=clock(4 * n, sign), end=clock(4 * n + 4, sign), name=name, text=text)
        for n, (name, text) in enumerate(turns)
    )


def escaped(turns: Turns) -> list[tuple[str, str]]:
    return [(name, html.escape(text, quote=False)) for name, text in turns]


def lines(turns: Turns, form: str, between: str = "\n") -> str:
    return between.join(
        form.format(
            name=name,
            text=text,
            clock=f"{n // 60}:{n % 60:02}",
            long=clock(n)[:8],
            start=f"{4 * n}.00",
            end=f"{4 * n + 4}.00",
        )
        for n, (name, text) in enumerate(turns)
    )


def table(turns: Turns, separator: str, *columns: str) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(columns)
    fields = [{"document": "m", "speaker": name, "start": 4 * n, "text": text} for n, (name, text) in enumerate(turns)]
    writer.writerows([row[column] for column in columns] for row in fields)
    return file.getvalue()


def segments(
    turns: Turns,
    speaker: str = "speaker",
    text: str = "text",
    start: str = "start",
    end: str = "end",
    unit: float = 1.0,
) -> list[dict]:
    return [
        {speaker: name, text: said, start: type(unit)(4 * n * unit), end: type(unit)((4 * n + 4) * unit)}
        for n, (name, said) in enumerate(turns)
    ]


def whisper_cpp(turns: Turns) -> str:
    parts = [
        {"offsets": {"from": 4000 * n, "to": 4000 * n + 4000}, "text": f" {text}"} for n, (_, text) in enumerate(turns)
    ]
    return json.dumps({"systeminfo": "AVX = 1", "result": {"language": "en"}, "transcription": parts})


def words_of(turns: Turns) -> list[dict]:
    return [
        {"word": word, "startTime": f"{n}s", "endTime": f"{n + 1}s", "speakerTag": NAMES.index(name) + 1}
        for n, (name, text) in enumerate(turns)
        for word in text.split()
    ]


def azure(turns: Turns) -> str:
    phrases = [
        {"speaker": name, "offset": f"PT{4 * n}S", "duration": "PT4S", "nBest": [{"lexical": "no", "display": text}]}
        for n, (name, text) in enumerate(turns)
    ]
    return json.dumps(
        {"source": "https://x", "combinedRecognizedPhrases": [{"display": "all"}], "recognizedPhrases": phrases}
    )


def rev_ai(turns: Turns) -> str:
    speakers = [{"id": n, "name": name} for n, name in enumerate(NAMES)]
    parts = [
        {"speaker": NAMES.index(name), "elements": [{"type": "text", "value": text, "ts": n, "end_ts": n + 1}]}
        for n, (name, text) in enumerate(turns)
    ]
    return json.dumps({"speakers": speakers, "monologues": parts})


def amazon(turns: Turns) -> str:
    spoken = [(n, name, word) for n, (name, text) in enumerate(turns) for word in text.split()]
    items = [
        {"type": "pronunciation", "start_time": f"{n}.1", "end_time": f"{n}.2", "alternatives": [{"content": word}]}
        for n, _, word in spoken
    ]
    spans = [{"start_time": f"{n}.0", "end_time": f"{n}.9", "speaker_label": name} for n, (name, _) in enumerate(turns)]
    return json.dumps(
        {"results": {"transcripts": [{"transcript": "-"}], "speaker_labels": {"segments": spans}, "items": items}}
    )


def chat(turns: Turns) -> str:
    codes = {name: name[:3].upper() for name in NAMES}
    header = "@UTF8\n@Begin\n@Participants:\t" + ", ".join(
        f"{code} {name.replace(' ', '_')} Adult" for name, code in codes.items()
    )
    said = "\n".join(
        f"*{codes[name]}:\t{text} \x15{n}000_{n + 1}000\x15\n%mor:\tn|x ." for n, (name, text) in enumerate(turns)
    )
    return f"{header}\n{said}\n@End\n"


def textgrid(turns: Turns, name: str, *, is_long: bool) -> str:
    quoted = [text.replace('"', '""') for _, text in turns]
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    if not is_long:
        return (
            head
            + f'0\n99\n<exists>\n1\n"IntervalTier"\n"{name}"\n0\n99\n{len(turns)}\n'
            + "\n".join(f'{n}\n{n + 1}\n"{text}"' for n, text in enumerate(quoted))
        )
    intervals = "\n".join(
        f'intervals [{n + 1}]:\nxmin = {n}\nxmax = {n + 1}\ntext = "{text}"' for n, text in enumerate(quoted)
    )
    return (
        head
        + f'xmin = 0\nxmax = 99\ntiers? <exists>\nsize = 1\nitem []:\nitem [1]:\nclass = "IntervalTier"\nname = "{name}"\nxmin = 0\nxmax = 99\nintervals: size = {len(turns)}\n{intervals}'
    )


def elan(turns: Turns) -> str:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="t{n}" TIME_VALUE="{n}000"/>' for n in range(len(turns) + 1))

    def annotation(n: int, text: str) -> str:
        return f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{n}" TIME_SLOT_REF1="t{n}" TIME_SLOT_REF2="t{n + 1}"><ANNOTATION_VALUE>{html.escape(text)}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>'

    tiers = "".join(
        f'<TIER TIER_ID="{html.escape(name)}">'
        + "".join(annotation(n, text) for n, (who, text) in enumerate(turns) if who == name)
        + "</TIER>"
        for name in NAMES
    )
    gloss = '<TIER TIER_ID="gloss" PARENT_REF="Ana Ruiz"><ANNOTATION><REF_ANNOTATION><ANNOTATION_VALUE>gloss</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER>{tiers}{gloss}</ANNOTATION_DOCUMENT>'


def transcriber(turns: Turns) -> str:
    speakers = "".join(f'<Speaker id="s{n}" name="{html.escape(name)}"/>' for n, name in enumerate(NAMES))
    said = "".join(
        f'<Turn speaker="s{NAMES.index(name)}" startTime="{n}" endTime="{n + 1}"><Sync time="{n}"/>{html.escape(text)}<Event desc="b"/></Turn>'
        for n, (name, text) in enumerate(turns)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE Trans SYSTEM "trans-14.dtd"><Trans><Speakers>{speakers}</Speakers><Episode><Section>{said}</Section></Episode></Trans>'


def ttml(turns: Turns) -> str:
    said = "".join(f'<p begin="{n}s" end="{n + 1}s">{html.escape(text)}</p>' for n, (_, text) in enumerate(turns))
    return f'<tt xmlns="http://www.w3.org/ns/ttml"><body><div>{said}</div></body></tt>'


def ctm(turns: Turns) -> str:
    return "\n".join(f"meeting 1 {n}.00 0.20 {word} 0.99" for n, (_, text) in enumerate(turns) for word in text.split())


MEET = "Weekly review (2026-10-12 09:05 GMT+1) - Transcript\nAttendees\nAna Ruiz, Ben Okafor\nTranscript\n{}\nMeeting ended after 00:25:12 👋\nThis editable transcript was computer generated and might contain errors."
NAMED: dict[str, Callable[[Turns], str]] = {
    "Zoom's WebVTT": lambda turns: "WEBVTT\n\n" + cues(escaped(turns), "{n}\n{start} --> {end}\n{name}: {text}"),
    "Teams' WebVTT": lambda turns: (
        "WEBVTT\n\n" + cues(escaped(turns), "8f-1/{n}-0\n{start} --> {end}\n<v {name}>{text}</v>")
    ),
    "Meet's WebVTT": lambda turns: "WEBVTT\n\n" + cues(escaped(turns), "{start} --> {end}\n({name})\n{text}"),
    "SRT with names": lambda turns: cues(turns, "{n}\n{start} --> {end}\n{name}: {text}", ","),
    "whisperX": lambda turns: json.dumps({"segments": segments(turns), "language": "en"}),
    "AssemblyAI": lambda turns: json.dumps({"text": "all", "utterances": segments(turns, unit=1000)}),
    "Deepgram": lambda turns: json.dumps(
        {"results": {"utterances": segments(turns, text="transcript"), "channels": []}}
    ),
    "Zoom's timeline": lambda turns: json.dumps(
        {
            "timeline": [
                {"ts": clock(4 * n), "text": text, "users": [{"username": name}]}
                for n, (name, text) in enumerate(turns)
            ]
        }
    ),
    "Azure": azure,
    "Rev AI": rev_ai,
    "Amazon": amazon,
    "chat messages": lambda turns: json.dumps({"messages": [{"role": name, "content": text} for name, text in turns]}),
    "an array of turns": lambda turns: json.dumps(segments(turns), indent=1),
    "Otter": lambda turns: lines(turns, "{name}  {clock}  \n{text}", "\n\n") + "\n\nTranscribed by https://otter.ai",
    "Rev": lambda turns: lines(turns, "{name} ({long}):\n{text}", "\n\n"),
    "Teams, pasted": lambda turns: (
        "Weekly review\nOctober 12, 2026, 9:05AM\n4m 12s\n\nAna Ruiz started transcription\n\n"
        + lines(turns, "{name}   {clock}\n{text}", "\n\n")
    ),
    "Meet's document": lambda turns: MEET.format("00:00:00\n" + lines(turns, "{name}: {text}")),
    "name and colon": lambda turns: lines(turns, "{name}: {text}"),
    "names on their own lines": lambda turns: lines(turns, "{name}:\n{text}", "\n\n"),
    "times before names": lambda turns: lines(turns, "[{long}] {name}: {text}"),
    "Markdown": lambda turns: "# Weekly review\n\n" + lines(turns, "**{name}:** {text}", "\n\n"),
    "HTML": lambda turns: (
        "<!DOCTYPE html><html><body>" + lines(escaped(turns), "<p><b>{name}</b>: {text}</p>") + "</body></html>"
    ),
    "CHAT": chat,
    "ELAN": elan,
    "Transcriber": transcriber,
    "STM": lambda turns: (
        ";; CATEGORY\n"
        + "\n".join(
            lines([turn], "meeting 1 {name} {start} {end} <o,f0> {text}").replace(turn[0], turn[0].replace(" ", "_"))
            for turn in turns
        )
    ),
    "CSV of turns": lambda turns: table(turns, ",", "document", "speaker", "start", "text"),
    "semicolons": lambda turns: table(turns, ";", "speaker", "start", "text"),
}
NAMELESS: dict[str, Callable[[Turns], str]] = {
    "SBV": lambda turns: "\n\n".join(
        f"0:00:{n:02}.000,0:00:{n + 1:02}.000\n{text}" for n, (_, text) in enumerate(turns)
    ),
    "SRT without empty lines": lambda turns: cues(turns, "{n}\n{start} --> {end}\n{text}", ",").replace("\n\n", "\n"),
    "WebVTT with notes": lambda turns: (
        "WEBVTT - title\nKind: captions\n\nNOTE of\nmany lines\n\nSTYLE\n::cue {}\n\n"
        + cues(escaped(turns), "{start} --> {end} align:start\n{text}")
    ),
    "TTML": ttml,
    "Whisper's command line": lambda turns: "\n".join(
        f"[{clock(n)} --> {clock(n + 1)}]  {text}" for n, (_, text) in enumerate(turns)
    ),
    "Whisper's TSV": lambda turns: (
        "start\tend\ttext\n" + "\n".join(f"{n}000\t{n + 1}000\t{text}" for n, (_, text) in enumerate(turns))
    ),
    "whisper.cpp": whisper_cpp,
    "pipelines of transformers": lambda turns: json.dumps(
        {"text": "", "chunks": [{"timestamp": [n, n + 1], "text": text} for n, (_, text) in enumerate(turns)]}
    ),
    "YouTube's json3": lambda turns: json.dumps(
        {"events": [{"tStartMs": n, "segs": [{"utf8": text}]} for n, (_, text) in enumerate(turns)]}
    ),
    "YouTube, pasted": lambda turns: lines(turns, "{clock}\n{text}"),
    "TextGrid, long": lambda turns: textgrid(turns, "speech", is_long=True),
    "TextGrid, short": lambda turns: textgrid(turns, "speech", is_long=False),
}


@st.composite
def dialogues(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Four to eight turns of two or three speakers, no two in a row of one."""
    said = st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(" ".join)
    texts = draw(st.lists(st.tuples(said, st.sampled_from(ENDS)), min_size=4, max_size=8))
    third = draw(st.booleans())
    return [(NAMES[2] if third and n == 2 else NAMES[n % 2], f"So {text}{end}") for n, (text, end) in enumerate(texts)]


def read(text: str, speaker: str = "all") -> list[RawRecord]:
    found = list(read_stream(io.BytesIO(text.encode()), "talk", ReadingOptions(speaker=speaker)))
    assert not [each for each in found if isinstance(each, Reject)]
    return [each for each in found if isinstance(each, RawRecord)]


def spoken(turns: Turns, name: str | None = None) -> list[str]:
    return [word for who, text in turns for word in text.split() if name in (None, who)]


@pytest.mark.parametrize("form", NAMED)
@given(turns=dialogues())
@settings(max_examples=12, deadline=None)
def test_words_and_speakers_come_back(form: str, turns: Turns) -> None:
    written = NAMED[form](turns)
    (whole,) = read(written)
    assert whole.text.split() == spoken(turns)
    names = list(dict.fromkeys(name for name, _ in turns))
    assert [each.text.split() for each in read(written, "each")] == [spoken(turns, name) for name in names]


@pytest.mark.parametrize("form", NAMELESS)
@given(turns=dialogues())
@settings(max_examples=12, deadline=None)
def test_words_come_back(form: str, turns: Turns) -> None:
    (whole,) = read(NAMELESS[form](turns))
    assert whole.text.split() == spoken(turns)


@given(turns=dialogues())
@settings(max_examples=12, deadline=None)
def test_words_of_channels_come_back(turns: Turns) -> None:
    (whole,) = read(ctm(turns))
    assert whole.text.split() == spoken(turns)
    google = {"results": [{"alternatives": [{"transcript": "all", "words": words_of(turns)}]}]}
    assert [each.text.split() for each in read(json.dumps(google), "each")][0] == spoken(turns, turns[0][0])


PROSE = st.lists(
    st.sampled_from(("We met at 10:30.", "One thing: it works.", "Note: nobody was there, and", "In 2024, 3 of 4", "he said: go", "<laughs>", "5", "(Ana)",
                     "The list: eggs, flour;", "Ana Ruiz: that was the name", "- so it goes", "and then --> well", "Monday 9:00", "[1] is a source")),
    min_size=1, max_size=3, unique=True,
)  # fmt: skip


@given(sentences=PROSE, between=st.sampled_from(("\n", "\n\n", " ")))
@settings(max_examples=60, deadline=None)
def test_prose_stays_itself_whole(sentences: list[str], between: str) -> None:
    text = between.join(["Thank you all for coming here today", *sentences, "and that was the whole story of it."])
    (whole,) = read(text)
    assert whole.text == text
