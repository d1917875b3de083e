"""Landing counts everything it read, refuses with reasons, and changes nothing when repeated."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from feedback_model import progress
from feedback_model.errors import InputError, Interrupted
from feedback_model.store.batches import unclaimed_batches
from feedback_model.store.connection import Store
from feedback_model.store.tables import batch, reject
from feedback_model.store.transcripts import count_transcripts, transcripts
from feedback_model.transcripts.cleaning import count_words
from feedback_model.transcripts.landing import land
from feedback_model.transcripts.reading_options import ReadingOptions
from feedback_model.transcripts.splits import split_of
from tests.builders import a_speech

FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"


def a_file(folder: Path, *records: object, name: str = "speeches.jsonl") -> str:
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    (folder / name).write_bytes(b"\n".join(lines) + b"\n")
    return str(folder / name)


def a_source_in(split: str, skip: int = 0) -> str:
    return [name for name in map(str, range(200)) if split_of(name) == split][skip]


def nearly(text: str, position: int = 60) -> str:
    words = text.split()
    return " ".join([*words[:position], "different", *words[position + 1 :]])


def test_a_file_lands_once(any_store: Store, tmp_path: Path) -> None:
    path = a_file(tmp_path, *({"text": a_speech(number), "genre": "talk"} for number in range(3)))
    first, second = land(any_store, [path]), land(any_store, [path])
    assert (first.accepted, first.known, first.rejected) == (3, 0, {})
    assert (second.accepted, second.known, second.batch_id) == (0, 3, None)
    assert unclaimed_batches(any_store) == (first.batch_id,)
    assert {(one.source, one.genre) for one in transcripts(any_store)} == {("speeches", "talk")}


def test_every_refusal_has_code_place_and_reason(any_store: Store, tmp_path: Path) -> None:
    """Every refusal has a code a place and a reason."""
    path = a_file(
        tmp_path,
        {"text": a_speech(1)},
        b'{"text": "cut o',
        {"body": "no text here"},
        {"text": None},
        b'{"text": "caf\xe9 and more"}',
        {"text": "just three words"},
        {"text": "01 " * 40},
        ["a", "list"],
    )
    summary = land(any_store, [path])
    refused = {"broken_json": 2, "no_text": 2, "not_utf8": 1, "too_short": 1, "not_text": 1}
    assert (summary.accepted, summary.rejected) == (1, refused)
    assert summary.reasons["too_short"] == f"{path}:6: 3 words; at least 20 are needed"
    with any_store.read() as connection:
        rows = connection.execute(select(reject.c.code, reject.c.locator, reject.c.excerpt)).all()
    assert ("not_utf8", f"{path}:5", b'{"text": "caf\xe9 and more"}\n') in [tuple(row) for row in rows]


def test_rejects_alone_are_kept_once_and_wake_nobody(store: Store, tmp_path: Path) -> None:
    path = a_file(tmp_path, {"text": "too short"})
    assert [land(store, [path]).batch_id for _ in range(2)] == [None, None]
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(reject)).scalar() == 1
    assert unclaimed_batches(store) == ()


def test_the_same_text_twice_is_a_duplicate(store: Store, tmp_path: Path) -> None:
    path = a_file(tmp_path, {"text": a_speech(1)}, {"text": f"  {a_speech(1)}\n\n"})
    summary = land(store, [path])
    assert (summary.accepted, summary.duplicate, summary.known) == (1, 1, 0)


def test_cut_document_stays_in_one_split(store: Store, tmp_path: Path) -> None:
    """A document is cut and stays in one split."""
    text = ". ".join(a_speech(number, words=20) for number in range(50))
    assert land(store, [a_file(tmp_path, {"text": text, "document": "speech 9"})]).accepted > 4
    landed = transcripts(store)
    assert {(one.source_id, one.split) for one in landed} == {("speech 9", split_of("speech 9"))}
    assert all(60 <= count_words(one.text) <= 250 for one in landed)


def test_near_duplicate_takes_the_known_source(any_store: Store, tmp_path: Path) -> None:
    """A near duplicate takes the source of what was known."""
    text, known = a_speech(1, words=200), a_source_in("test")
    land(any_store, [a_file(tmp_path, {"text": text, "document": known})])
    land(any_store, [a_file(tmp_path, {"text": nearly(text), "document": a_source_in("train")})])
    assert {(one.source_id, one.split) for one in transcripts(any_store)} == {(known, "test")}
    assert count_transcripts(any_store) == 2


def test_a_text_that_bridges_splits_is_refused(store: Store, tmp_path: Path) -> None:
    first, second = a_speech(1, words=200), a_speech(2, words=200)
    # Two sides that are not near each other (0.70), and a whole that is near both (0.85).
    middle = f"{first} {second}".split()[:235]
    sides = [" ".join(middle[:200]), " ".join(middle[35:])]
    path = a_file(
        tmp_path,
        {"text": sides[0], "document": a_source_in("train")},
        {"text": sides[1], "document": a_source_in("test")},
        {"text": " ".join(middle)},
    )
    summary = land(store, [path])
    assert (summary.accepted, summary.rejected) == (2, {"bridges_splits": 1})
    assert "nearly duplicates transcripts of test and train" in summary.reasons["bridges_splits"]


def test_interrupted_landing_is_finished_by_the_next(
    any_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A landing that was cut off is finished by the next."""
    monkeypatch.setattr("feedback_model.transcripts.landing._CHUNK", 2)
    path = a_file(tmp_path, *({"text": a_speech(number)} for number in range(6)))
    stopping = [number == 4 for number in range(20)]
    with (
        progress.reporting_to(lambda _: progress.request_stop() if stopping.pop(0) else None),
        pytest.raises(Interrupted),
    ):
        land(any_store, [path])
    progress.clear_stop()
    assert unclaimed_batches(any_store) == ()
    resumed = land(any_store, [path])
    assert (resumed.accepted, resumed.known) == (6, 0)
    with any_store.read() as connection:
        assert connection.execute(select(batch.c.n_accepted)).scalars().all() == [6]


def test_two_landings_at_once_both_end_well(any_store: Store, any_store_url: str, tmp_path: Path) -> None:
    path = a_file(tmp_path, *({"text": a_speech(number)} for number in range(50)))
    code = (
        "from feedback_model.store.connection import open_store; from feedback_model.transcripts.landing import land\n"
    )
    code += f"summary = land(open_store({any_store_url!r}), [{path!r}]); print(summary.accepted, summary.known)"
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(process.communicate()[0].strip() for process in processes) == ["0 50", "50 0"]


def test_a_source_that_was_named_wins(store: Store, tmp_path: Path) -> None:
    path = a_file(tmp_path, {"text": a_speech(1), "source": "crawl"}, {"text": a_speech(2)})
    land(store, [path], source="podcasts")
    assert {one.source for one in transcripts(store)} == {"podcasts"}


def test_a_meeting_lands_whole_or_by_speaker(store: Store) -> None:
    """Whoever speaks in a meeting shares its source, and so its split."""
    meeting = [str(FORMATS / "teams.vtt")]
    land(store, meeting, options=ReadingOptions(speaker="each"))
    spoken = transcripts(store)
    assert (len(spoken), len({one.source_id for one in spoken})) == (3, 1)
    assert land(store, meeting).accepted == 2
    assert {one.source_id for one in transcripts(store)} == {spoken[0].source_id}


def test_what_was_assumed_is_in_the_summary(store: Store) -> None:
    summary = land(store, [str(FORMATS / "cp1252.txt")])
    assert [sentence.partition(" (")[0] for sentence in summary.assumed] == ["encoding cp1252"]


def test_a_path_that_is_not_there_lands_nothing(store: Store, tmp_path: Path) -> None:
    good = a_file(tmp_path, {"text": a_speech(1)})
    with pytest.raises(InputError, match=r"there is no file or folder '/nowhere/at-all.jsonl'"):
        land(store, [good, "/nowhere/at-all.jsonl"])
    assert count_transcripts(store) == 0


def test_a_huge_document_lands_whole(store: Store, tmp_path: Path) -> None:
    """If the time to cut it grew with the square of its length, this would not end."""
    text = ". ".join(a_speech(number, words=20) for number in range(10_000))
    assert land(store, [a_file(tmp_path, {"text": text})]).accepted > 800
