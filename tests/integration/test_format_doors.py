"""Every format through every door: what a file says is the same landed, dropped into the inbox, scored, or sent as a stream."""

import io
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from feedback_model.scoring.documents import Piece, read_pieces
from feedback_model.store.connection import Store
from feedback_model.store.transcripts import transcripts
from feedback_model.transcripts.inbox import Inbox, settle, take_files
from feedback_model.transcripts.landing import land
from feedback_model.transcripts.reading_options import ReadingOptions

FOLDER = Path(__file__).parents[1] / "fixtures" / "formats"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file() and not path.name.startswith("EXPECTED"))
TURNS = json.loads((FOLDER / "EXPECTED-by-speaker.json").read_text(encoding="utf-8"))["turns"]


def pieces_of(*paths: str, standard_input: bytes = b"", speaker: str = "all") -> list[Piece]:
    found = list(read_pieces(paths, io.BytesIO(standard_input), ReadingOptions(speaker=speaker)))
    assert all(isinstance(each, Piece) for each in found)
    return [each for each in found if isinstance(each, Piece)]


@pytest.mark.parametrize("name", FILES)
def test_every_door_reads_the_same_words(store: Store, name: str) -> None:
    path = FOLDER / name
    scored = [piece.text for piece in pieces_of(str(path))]
    streamed = [piece.text for piece in pieces_of("-", standard_input=path.read_bytes())]
    summary = land(store, [str(path)])
    assert summary.rejected == {}
    assert {each.text for each in transcripts(store)} == set(scored) == set(streamed)


def test_the_inbox_takes_every_format_at_once(store: Store, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    shutil.copytree(FOLDER, inbox, ignore=lambda *_: ["owt", "EXPECTED.txt", "EXPECTED-by-speaker.json"])
    for path in inbox.iterdir():
        os.utime(path, (0, 0))
    taken = take_files(Inbox(inbox, tmp_path / "kept"))
    assert [path.name for path in taken.files] == FILES
    summary = land(store, list(map(str, taken.files)))
    settle(Inbox(inbox, tmp_path / "kept"), taken.files, {}, [])
    assert summary.rejected == {}
    assert sorted(path.name for path in (tmp_path / "kept" / "landed").iterdir()) == FILES
    with store.read() as connection:
        found = connection.execute(text("SELECT DISTINCT locator FROM occurrences")).scalars()
        assert {re.split(r":\d+$| row ", Path(each).name)[0] for each in found} >= {
            "zoom.vtt",
            "table.xlsx",
            "nist.stm",
        }


@pytest.mark.parametrize("name", ["zoom.vtt", "teams.vtt", "meet.vtt", "talkbank.cha", "nist.stm", "whisperx.json"])
def test_each_speaker_is_kept_with_their_times(store: Store, name: str) -> None:
    """The first three name people; a dialogue of ten turns has each of three speakers in it more than once."""
    land(store, [str(FOLDER / name)], options=ReadingOptions(speaker="each"))
    with store.read() as connection:
        found = connection.execute(text("SELECT speaker, start_seconds, end_seconds FROM occurrences")).all()
    scored = pieces_of(str(FOLDER / name), speaker="each")
    assert sorted(row.speaker for row in found) == sorted(piece.names.speaker or "" for piece in scored)
    assert len(found) == len({turn["speaker"] for turn in TURNS})
    assert {(row.start_seconds, row.end_seconds) for row in found} == {(piece.start, piece.end) for piece in scored}
    assert all(0 <= row.start_seconds < row.end_seconds for row in found)
