"""An invented dialogue as programs and people write it: one writer a format, for tests that read it again."""

import csv
import html
import io
import json
from collections.abc import Callable, Sequence

Turns = Sequence[tuple[str, str]]
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
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
    """Praat's files; the long one names each value, the short one does not."""

    def line(key: str, value: object) -> str:
        return f"{key} = {value}" if is_long else str(value)

    tier = [line("class", '"IntervalTier"'), line("name", f'"{name}"'), line("xmin", 0), line("xmax", 99)]
    count = f"intervals: size = {len(turns)}" if is_long else str(len(turns))
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", line("xmin", 0), line("xmax", 99)]
    start = ["tiers? <exists>", "size = 1", "item []:", "item [1]:"] if is_long else ["<exists>", "1"]
    rows = [*head, *start, *tier, count]
    for n, (_, text) in enumerate(turns):
        rows += [f"intervals [{n + 1}]:"] if is_long else []
        rows += [line("xmin", n), line("xmax", n + 1), line("text", '"{}"'.format(text.replace('"', '""')))]
    return "\n".join(rows)


def elan(turns: Turns) -> str:
    """A tier a speaker, and one that depends on the first."""
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="t{n}" TIME_VALUE="{n}000"/>' for n in range(len(turns) + 1))

    def annotation(n: int, text: str) -> str:
        times = f'TIME_SLOT_REF1="t{n}" TIME_SLOT_REF2="t{n + 1}"'
        value = f"<ANNOTATION_VALUE>{html.escape(text)}</ANNOTATION_VALUE>"
        return f"<ANNOTATION><ALIGNABLE_ANNOTATION {times}>{value}</ALIGNABLE_ANNOTATION></ANNOTATION>"

    def tier(name: str) -> str:
        own = "".join(annotation(n, text) for n, (who, text) in enumerate(turns) if who == name)
        return f'<TIER TIER_ID="{html.escape(name)}">{own}</TIER>'

    gloss = "<ANNOTATION><REF_ANNOTATION><ANNOTATION_VALUE>gloss</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    tiers = "".join(map(tier, NAMES)) + f'<TIER TIER_ID="gloss" PARENT_REF="Ana Ruiz">{gloss}</TIER>'
    return f"{XML}<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER>{tiers}</ANNOTATION_DOCUMENT>"


def transcriber(turns: Turns) -> str:
    """Turns with marks of time and events in them."""
    speakers = "".join(f'<Speaker id="s{n}" name="{html.escape(name)}"/>' for n, name in enumerate(NAMES))

    def turn(n: int, name: str, text: str) -> str:
        said = f'<Sync time="{n}"/>{html.escape(text)}<Event desc="b"/>'
        return f'<Turn speaker="s{NAMES.index(name)}" startTime="{n}" endTime="{n + 1}">{said}</Turn>'

    said = "".join(turn(n, *each) for n, each in enumerate(turns))
    section = f"<Episode><Section>{said}</Section></Episode>"
    return f'{XML}<!DOCTYPE Trans SYSTEM "trans-14.dtd"><Trans><Speakers>{speakers}</Speakers>{section}</Trans>'


def ttml(turns: Turns) -> str:
    said = "".join(f'<p begin="{n}s" end="{n + 1}s">{html.escape(text)}</p>' for n, (_, text) in enumerate(turns))
    return f'<tt xmlns="http://www.w3.org/ns/ttml"><body><div>{said}</div></body></tt>'


def ctm(turns: Turns) -> str:
    return "\n".join(f"meeting 1 {n}.00 0.20 {word} 0.99" for n, (_, text) in enumerate(turns) for word in text.split())


MEET = """Weekly review (2026-10-12 09:05 GMT+1) - Transcript
Attendees
Ana Ruiz, Ben Okafor
Transcript
00:00:00
{}
Meeting ended after 00:25:12 👋
This editable transcript was computer generated and might contain errors."""
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
    "Meet's document": lambda turns: MEET.format(lines(turns, "{name}: {text}")),
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
    "Excel's CSV": lambda turns: "sep=;\n" + table(turns, ";", "speaker", "start", "text"),
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
