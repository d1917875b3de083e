"""One invented dialogue in the formats people have: of each file the same words are read, and who said them where it says so.

The files are invented by us (three speakers, ten turns, 336 words); `EXPECTED.txt` is the speech in each of them.
"""

import io
import json
import re
from pathlib import Path

import pytest

from feedback_model.records.recordings import Recording
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.cleaning import clean_text
from feedback_model.transcripts.files import read_file
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions
from feedback_model.transcripts.sources import read_sources, read_stream

FOLDER = Path(__file__).parents[1] / "fixtures" / "formats"
EXPECTED = (FOLDER / "EXPECTED.txt").read_text(encoding="utf-8")
TURNS = json.loads((FOLDER / "EXPECTED-by-speaker.json").read_text(encoding="utf-8"))["turns"]
ADDED = {"cp1252.txt": " “That’s it” – she said, café.", "cp1252.csv": " ’tis café"}  # noqa: RUF001  shows the code page
OTHERS = {"cyr-utf16le-nobom.txt", "html-escaped.csv", "latin1-in-utf8-mojibake.txt"}
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file() and not path.name.startswith("EXPECTED"))
WITH_SPEAKERS = (
    *("zoom.vtt", "zoom-renamed.txt", "teams.vtt", "meet.vtt", "whisperx.json", "aws-transcribe.json", "deepgram.json"),
    *("rev-ai.json", "otter.txt", "rev.txt", "teams-pasted.txt", "speaker-colon.txt", "teams.docx", "page.html"),
    *("talkbank.cha", "nist.stm", "utterances.jsonl", "segments.jsonl", "utterance-rows.jsonl", "utterance-rows.csv"),
)
WITH_TIMES = (
    *(
        "zoom.vtt",
        "teams.vtt",
        "meet.vtt",
        "plain.srt",
        "captions.ttml",
        "whisper.json",
        "whisperx.json",
        "whisper.tsv",
    ),
    *("whisper-cli.txt", "aws-transcribe.json", "google-stt.json", "deepgram.json", "rev-ai.json", "talkbank.cha"),
    *("praat.TextGrid", "elan.eaf", "nist.stm", "segments.jsonl", "utterance-rows.csv", "youtube-auto.vtt"),
)


def words(text: str) -> list[str]:
    return re.findall(r"[\w'’]+", text.casefold())  # noqa: RUF001


def documents(name: str, **options: str) -> list[RawRecord]:
    found = list(read_sources([str(FOLDER / name)], ReadingOptions(**options)))
    assert not [each for each in found if isinstance(each, Reject)]
    return [each for each in found if isinstance(each, RawRecord)]


@pytest.mark.parametrize("name", [name for name in FILES if name not in OTHERS])
def test_every_file_is_read_word_for_word(name: str) -> None:
    (found,) = documents(name)
    assert words(clean_text(found.text)) == words(EXPECTED + ADDED.get(name, ""))


@pytest.mark.parametrize("name", [name for name in FILES if name not in OTHERS])
def test_a_stream_is_read_as_its_file(name: str) -> None:
    (found,) = read_stream(io.BytesIO((FOLDER / name).read_bytes()), "standard input")
    assert isinstance(found, RawRecord)
    assert found.text == documents(name)[0].text


@pytest.mark.parametrize("name", WITH_SPEAKERS)
def test_each_speaker_has_their_own_words(name: str) -> None:
    expected: dict[str, list[str]] = {}
    for turn in TURNS:
        expected.setdefault(turn["speaker"], []).extend(words(turn["text"]))
    found = documents(name, speaker="each")
    assert [words(each.text) for each in found] == list(expected.values())
    assert len({each.recording for each in found}) == 1


@pytest.mark.parametrize("name", WITH_TIMES)
def test_times_of_the_turns_are_kept(name: str) -> None:
    (found,) = read_file(FOLDER / name, ReadingOptions(), Assumptions())
    assert isinstance(found, Recording)
    starts = [turn.start for turn in found.turns]
    assert starts[0] == pytest.approx(3, abs=0.01)
    assert starts == sorted(starts, key=lambda start: start or 0)
    assert 116 < (starts[-1] or 0) < 127


def test_one_speaker_can_be_asked_for() -> None:
    (found,) = documents("teams.vtt", speaker="chen li")
    assert (found.speaker, len(words(found.text))) == ("Chen Li", 88)
    (refused,) = read_sources([str(FOLDER / "teams.vtt")], ReadingOptions(speaker="Dora"))
    assert isinstance(refused, Reject)
    assert refused.reason.startswith("nobody in it is called 'Dora' (Ana Ruiz, Ben Okafor, Chen Li)")


@pytest.mark.parametrize(
    ("name", "begins", "assumed"),
    [
        ("cyr-utf16le-nobom.txt", "Доброе утро, коллеги. Сегодня", "encoding utf-16-le"),
        ("html-escaped.csv", "I don't think so & we won't go there because it is cold", "HTML escapes"),
        ("latin1-in-utf8-mojibake.txt", "It’s a café — that’s what I meant", "UTF-8 that was read as"),  # noqa: RUF001
        ("cp1252.txt", "Good morning", "encoding cp1252"),
        ("utf16.csv", "Good morning", "encoding utf-16"),
    ],
)
def test_what_was_assumed_or_mended_is_told(name: str, begins: str, assumed: str) -> None:
    assumptions = Assumptions()
    (found,) = read_sources([str(FOLDER / name)], ReadingOptions(), assumptions)
    assert isinstance(found, RawRecord)
    assert found.text.startswith(begins)
    (told,) = assumptions.sentences()
    assert told.startswith(assumed)
    assert name in told


@pytest.mark.parametrize("name", ["owt/orig", "owt/saved", "owt/saved_dict", "owt/train.json"])
def test_openwebtext_is_read_as_people_have_it(name: str) -> None:
    found = documents(name)
    assert [words(each.text)[:4] for each in found][:2] == [
        ["the", "river", "ran", "high"],
        ["scientists", "said", "on", "monday"],
    ]
    assert len(found) == (2 if name == "owt/orig" else 3)
