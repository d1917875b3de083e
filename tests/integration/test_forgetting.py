"""A person's texts leave database, inbox, snapshots and provider; a tombstone keeps them from landing again."""

import asyncio
import json
import os
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

import polars
import pytest
from sqlalchemy import select, text

from feedback_model.errors import InputError, StoreUnavailable
from feedback_model.forgetting.forget import Cleared, Plan, carry_out, clear, make_plan
from feedback_model.labelling.batch_jobs import label_in_batches
from feedback_model.labelling.deletion import delete_remains, find_remains
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.modes import label_now
from feedback_model.records.transcripts import Forgettable
from feedback_model.settings import Settings
from feedback_model.store.burial import bury
from feedback_model.store.connection import Store, open_store
from feedback_model.store.forgetting import Target, path_of
from feedback_model.store.label_requests import enqueue_failed_again, enqueue_labels
from feedback_model.store.locks import acquire
from feedback_model.store.owners import process_owner
from feedback_model.store.tables import label_attempt, label_request, metadata
from feedback_model.transcripts.landing import LandingSummary, land
from feedback_model.transcripts.reading_options import ReadingOptions
from feedback_model.transcripts.snapshots import snapshot
from feedback_model.transcripts.splits import split_of
from tests.builders import LABEL_SET, NOW, a_feedback, a_speech, store_label
from tests.labelling_rig import settings_for
from tests.openai_rig.process import serving

SECRET = "zanzibarian"


def said_by_ana(number: int) -> str:
    return f"{SECRET} {a_speech(number)}"


def write_meeting(folder: Path, number: int) -> Path:
    """Captions in which Ana Ruiz and somebody else speak."""
    turns = [("Ana Ruiz", said_by_ana(number)), (f"Guest {number}", a_speech(100 + number))]
    cues = [f"00:0{at}:00.000 --> 00:0{at}:59.000\n<v {who}>{said}</v>\n" for at, (who, said) in enumerate(turns)]
    path = folder / f"meeting-{number}.vtt"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("WEBVTT\n\n" + "\n".join(cues))
    return path


def land_meetings(store: Store, folder: Path, n: int = 4, speaker: str = "each") -> LandingSummary:
    for number in range(n):
        write_meeting(folder, number)
    return land(store, [str(folder)], options=ReadingOptions(speaker=speaker))


def everything(store: Store) -> str:
    """All that the tables hold, as text."""
    with store.read() as connection:
        return repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])


def forget(store: Store, settings: Settings, name: str, kind: Forgettable | None = None) -> Plan:
    return carry_out(store, settings, make_plan(store, settings, name, kind))[0]


def ask(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def kept_by(url: str) -> str:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/rig/kept") as answer:
        return answer.read().decode()


async def label_all(settings: Settings, store: Store, how: Any) -> None:
    async with open_labeller("openai", settings) as labeller:
        await how(store, labeller, labelling_config_of("openai", settings), settings)


def test_nothing_of_a_speaker_is_left_in_the_tables(any_store: Store, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home")
    land_meetings(any_store, tmp_path / "meetings")
    for (name,) in ask(any_store, "SELECT transcript_id FROM transcript_texts"):
        store_label(any_store, name, a_feedback())
    assert SECRET in everything(any_store)
    plan = forget(any_store, settings, "ana  RUIZ")
    assert (plan.kind, len(plan.traces.transcripts), plan.traces.n_labels) == ("speaker", 4, 4)
    left = everything(any_store)
    assert SECRET not in left
    assert "Ana Ruiz" not in left
    assert len(ask(any_store, "SELECT * FROM transcript_texts")) == 4
    assert len(ask(any_store, "SELECT DISTINCT transcript_id FROM label_scores")) == 4
    assert len(ask(any_store, "SELECT * FROM forgotten")) == 4


def test_the_file_of_the_database_holds_the_words_no_more(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    store = open_store(settings.store_url)
    land_meetings(store, tmp_path / "meetings")
    forget(store, settings, "Ana Ruiz")
    store.close()
    assert [path.name for path in tmp_path.glob("feedback.db*") if SECRET.encode() in path.read_bytes()] == []


def test_a_forgotten_text_does_not_land_again(any_store: Store, tmp_path: Path) -> None:
    land_meetings(any_store, tmp_path / "meetings")
    forget(any_store, settings_for(tmp_path / "home"), "Ana Ruiz")
    again = land_meetings(any_store, tmp_path / "meetings")
    assert (again.accepted, again.known, again.rejected) == (0, 4, {"forgotten": 4})
    assert SECRET not in everything(any_store)


def test_rewrites_go_with_what_they_were_made_of(store: Store, tmp_path: Path) -> None:
    land_meetings(store, tmp_path / "meetings")
    parent = ask(store, "SELECT transcript_id FROM occurrences WHERE speaker = 'Ana Ruiz'")[0][0]
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO transcript (transcript_id, source_id, text, source, genre, n_words, split, origin, parent_id, "
                "signature, landed_at) VALUES ('rewrite', 's', :said, '', '', 3, 'train', 'augmented', :parent, x'', '')"
            ),
            {"said": f"{SECRET} rewritten", "parent": parent},
        )
    assert forget(store, settings_for(tmp_path / "home"), "Ana Ruiz").traces.n_rewrites == 1
    assert SECRET not in everything(store)


@pytest.mark.parametrize("name", ["meeting-2.vtt", "talks"])
def test_a_recording_or_a_source_is_forgotten(store: Store, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "meetings"
    for number in range(3):
        write_meeting(folder, number)
    land(store, [str(folder)], source="talks", options=ReadingOptions(speaker="each"))
    plan = forget(store, settings_for(tmp_path / "home"), name)
    expected = {"meeting-2.vtt": ("document", 2), "talks": ("source", 6)}[name]
    assert (plan.kind, len(plan.traces.transcripts)) == expected


def test_a_users_own_id_names_a_recording(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps({"id": f"call-{n}", "text": a_speech(n)}) + "\n" for n in range(3)))
    land(store, [str(path)])
    assert len(forget(store, settings_for(tmp_path / "home"), "call-1").traces.transcripts) == 1


def test_labels_such_as_guest_name_nobody(store: Store, tmp_path: Path) -> None:
    land_meetings(store, tmp_path / "meetings")
    settings = settings_for(tmp_path / "home")
    with pytest.raises(InputError, match=r"'Guest 1' is a label .* forget the recording"):
        make_plan(store, settings, "Guest 1")
    assert len(make_plan(store, settings, "Guest 1", "speaker").traces.transcripts) == 1


def test_a_name_of_two_kinds_is_asked_about(store: Store, tmp_path: Path) -> None:
    write_meeting(tmp_path, 1)
    land(store, [str(tmp_path / "meeting-1.vtt")], source="Ana Ruiz", options=ReadingOptions(speaker="each"))
    with pytest.raises(InputError, match="--as speaker or --as source"):
        make_plan(store, settings_for(tmp_path / "home"), "Ana Ruiz")


def test_files_in_the_inbox_go_before_they_land_too(store: Store, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home")
    landed = write_meeting(settings.inbox / "landed", 1)
    land(store, [str(landed)])  # all speakers together
    waiting = write_meeting(settings.inbox, 2)
    other = settings.inbox / "other.txt"
    other.write_text(a_speech(7))
    forget(store, settings, "Ana Ruiz")
    assert (landed.exists(), waiting.exists(), other.exists()) == (False, False, True)


def test_refused_records_lose_their_words(store: Store, tmp_path: Path) -> None:
    path = write_meeting(tmp_path, 1)
    path.write_text(path.read_text() + f"\n00:09:00.000 --> 00:09:09.000\n<v Short>{SECRET} again</v>\n")
    land(store, [str(path)], options=ReadingOptions(speaker="each"))
    assert SECRET in repr(ask(store, "SELECT excerpt FROM reject"))
    forget(store, settings_for(tmp_path / "home"), "meeting-1.vtt")
    assert SECRET not in everything(store)


def test_refused_records_are_told_by_their_speaker(store: Store, tmp_path: Path) -> None:
    """Those of others stay, whatever words they hold."""
    path = tmp_path / "short.jsonl"
    said = [("Al Diaz", f"{SECRET} and few words"), ("Dan Oak", "He also said bananas")]
    path.write_text("".join(json.dumps({"document": who, "speaker": who, "text": what}) + "\n" for who, what in said))
    land(store, [str(path)])
    forget(store, settings_for(tmp_path / "home"), "Al Diaz")
    left = ask(store, "SELECT excerpt FROM reject ORDER BY 1")
    assert [bytes(excerpt) for (excerpt,) in left] == [b"", b"He also said bananas"]
    assert "Al Diaz" not in everything(store)


def test_a_text_that_became_hers_later_is_hers(store: Store, tmp_path: Path) -> None:
    """It landed as nobody's in one split, and its speaker stands in another."""
    train, test = (next(n for n in map(str, range(99)) if split_of(n) == each) for each in ("train", "test"))
    names = (f"Ana R{letter}z" for letter in "abcdefghijklmnopqrstuvwxyz")
    her = next(name for name in names if split_of(f"speaker:{name.casefold()}") == "test")
    rows = [("Speaker 1", train, said_by_ana(1)), (her, test, a_speech(2)), (her, "again", said_by_ana(1))]
    for number, (who, document, said) in enumerate(rows):
        path = tmp_path / f"{number}.jsonl"
        path.write_text(json.dumps({"document": document, "speaker": who, "text": said}))
        land(store, [str(path)])
    assert ask(store, "SELECT code FROM reject") == [("bridges_splits",)]
    assert len(forget(store, settings_for(tmp_path / "home"), her).traces.transcripts) == 2
    assert SECRET not in everything(store)


def test_forgotten_texts_are_never_asked_about(store: Store, tmp_path: Path) -> None:
    land_meetings(store, tmp_path / "meetings")
    enqueue_labels(store, LABEL_SET, None)
    forget(store, settings_for(tmp_path / "home"), "Ana Ruiz")
    enqueue_failed_again(store, LABEL_SET, "label", spent=True)
    enqueue_labels(store, LABEL_SET, None)
    assert ask(store, "SELECT state, COUNT(*) FROM label_request GROUP BY state") == [("failed", 4), ("queued", 4)]


def test_a_reader_of_the_file_is_told_of(tmp_path: Path) -> None:
    """SQLite cannot clear its file while somebody reads an older state of it."""
    settings = settings_for(tmp_path)
    store = open_store(settings.store_url)
    land_meetings(store, tmp_path / "meetings")
    reader = sqlite3.connect(tmp_path / "feedback.db")
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM transcript").fetchone()
    with store.read() as connection:
        connection.connection.driver_connection.execute("PRAGMA busy_timeout = 10")  # type: ignore[union-attr]
    with pytest.raises(StoreUnavailable, match="another process reads the database"):
        forget(store, settings, "Ana Ruiz")
    reader.close()
    clear(store, settings)
    store.close()
    assert [path.name for path in tmp_path.glob("feedback.db*") if SECRET.encode() in path.read_bytes()] == []


def test_one_name_of_two_files_is_asked_about(store: Store, tmp_path: Path) -> None:
    for number, folder in enumerate("xy"):
        path = tmp_path / folder / "talk.jsonl"
        path.parent.mkdir()
        path.write_text(json.dumps({"id": "2", "text": a_speech(number)}))
        land(store, [str(path)])
    for name in ("2", "talk.jsonl"):
        with pytest.raises(InputError, match=r"stands in 2 files \(.*/x/talk.jsonl, .*/y/talk.jsonl\)"):
            make_plan(store, settings_for(tmp_path / "home"), name)
    plan = forget(store, settings_for(tmp_path / "home"), str(tmp_path / "x" / "talk.jsonl"))
    assert len(plan.traces.transcripts) == 1


def test_a_near_duplicate_of_another_document_stays(store: Store, tmp_path: Path) -> None:
    for document, said in (("a", a_speech(1, 200)), ("b", f"{a_speech(1, 200)} indeed")):
        path = tmp_path / f"{document}.jsonl"
        path.write_text(json.dumps({"document": document, "text": said}))
        land(store, [str(path)])
    assert ask(store, "SELECT DISTINCT source_id FROM transcript") == [("a",)]
    assert len(forget(store, settings_for(tmp_path / "home"), "a", "document").traces.transcripts) == 1


def test_snapshots_lose_the_rows(store: Store, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home")
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"document": f"d{n}", "text": said_by_ana(n)}) + "\n" for n in range(60)))
    land(store, [str(path)])
    for (name,) in ask(store, "SELECT transcript_id FROM transcript_texts"):
        store_label(store, name, a_feedback())
    dataset = snapshot(store, settings, LABEL_SET)
    plan = forget(store, settings, "d7")
    assert plan.traces.snapshots == (dataset.path,)
    assert polars.read_parquet(settings.home / dataset.path).height == 59


@pytest.mark.parametrize("how", [label_now, label_in_batches])
def test_the_provider_deletes_what_it_stored(tmp_path: Path, any_store_url: str, how: Any) -> None:
    with serving() as url:
        settings = settings_for(tmp_path, url).model_copy(
            update={"label_model": "gpt-4o-mini", "store_completions": True, "database_url": any_store_url}
        )
        store = open_store(any_store_url)
        land_meetings(store, tmp_path / "meetings")
        asyncio.run(label_all(settings, store, how))
        before = kept_by(url)
        assert before.count("chatcmpl") or SECRET in before
        forget(store, settings, "Ana Ruiz")
        left = find_remains(store)
        assert (len(left.completions), len(left.batches)) == ((4, 0) if how is label_now else (4, 1))
        delete_remains(store, settings)
        assert not find_remains(store)
        after = json.loads(kept_by(url))
        assert len(after["completions"]) == (4 if how is label_now else 0)
        assert after["files"] == []
        store.close()


def test_questions_in_flight_stand_in_the_way(store: Store, tmp_path: Path) -> None:
    land_meetings(store, tmp_path / "meetings")
    enqueue_labels(store, LABEL_SET, None)
    asked = "SELECT request_id FROM label_request JOIN occurrences USING (transcript_id) WHERE speaker = 'Ana Ruiz'"
    sent = {"attempt_id": "a", "request_id": ask(store, asked)[0][0], "sent_at": NOW, "owner": process_owner()}
    with store.write() as connection:
        connection.execute(label_attempt.insert().values(**sent, reserved_nanos=1, outcome="open"))
    with pytest.raises(InputError, match="a labeller is being asked about 1 of these"):
        forget(store, settings_for(tmp_path / "home"), "Ana Ruiz")


def test_what_a_dead_process_asked_is_closed(store: Store, tmp_path: Path) -> None:
    """Nobody looks for the response any more, which would be stored again; a process of another host is dead by its silence."""
    land_meetings(store, tmp_path / "meetings")
    enqueue_labels(store, LABEL_SET, None)
    asked = "SELECT request_id FROM label_request JOIN occurrences USING (transcript_id) WHERE speaker = 'Ana Ruiz'"
    sent = {"attempt_id": "a", "request_id": ask(store, asked)[0][0], "sent_at": NOW, "owner": "elsewhere:7:boot/1/2/x"}
    with store.write() as connection:
        connection.execute(label_attempt.insert().values(**sent, reserved_nanos=1, outcome="open"))
        connection.execute(text("UPDATE label_request SET updated_at = '2026-01-01T00:00:00.000000+00:00'"))
    forget(store, settings_for(tmp_path / "home"), "Ana Ruiz")
    assert ask(store, "SELECT outcome, error FROM label_attempt") == [("unknown", "forgotten")]


def test_drafts_and_reports_are_cleared_too(store: Store, tmp_path: Path) -> None:
    """A draft of a process that is gone goes; one of a living process stays. A report is told by a transcript's id in it."""
    settings = settings_for(tmp_path / "home")
    land_meetings(store, tmp_path / "meetings")
    (name, *_), *_ = ask(store, "SELECT transcript_id FROM occurrences WHERE speaker = 'Ana Ruiz'")
    for folder in (settings.snapshots, settings.reports):
        folder.mkdir(parents=True)
    drafts = [settings.snapshots / f".abc.parquet.{pid}" for pid in (2**22 + 1, os.getpid())]
    reports = [settings.reports / f"{stem}.html" for stem in ("shown", "other")]
    for path, content in zip([*drafts, *reports], ["", "", f"<td>{name}</td>", "<td></td>"], strict=True):
        path.write_text(content)
    _, cleared = carry_out(store, settings, make_plan(store, settings, "Ana Ruiz"))
    assert [path.exists() for path in drafts] == [False, True]
    assert cleared.reports == {"shown": [reports[0]]}


def test_other_processes_at_work_stand_in_the_way(store: Store, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home")
    land_meetings(store, tmp_path / "meetings")
    enqueue_labels(store, LABEL_SET, None)
    acquire(store, "train:other")
    with store.write() as connection:
        connection.execute(text("UPDATE lease SET owner = 'elsewhere:7:boot/1/2/x' WHERE name = 'train:other'"))
    with pytest.raises(InputError, match=r"another process is at work .*train:other"):
        forget(store, settings, "Ana Ruiz")
    with store.write() as connection:
        connection.execute(text("DELETE FROM lease"))
    forget(store, settings, "Ana Ruiz")
    with store.read() as connection:
        states = connection.execute(select(label_request.c.state, label_request.c.error)).all()
    assert sorted(tuple(row) for row in states) == [("failed", "forgotten")] * 4 + [("queued", None)] * 4


def test_a_call_without_a_name_finishes_what_was_cut_off(store: Store, tmp_path: Path) -> None:
    """Killed after the transaction: files are cleared by what the tombstones say."""
    settings = settings_for(tmp_path / "home")
    landed = write_meeting(settings.inbox / "landed", 1)
    land(store, [str(landed)], options=ReadingOptions(speaker="each"))
    plan = make_plan(store, settings, "Ana Ruiz")
    bury(store, plan.traces.transcripts, Target("Ana Ruiz", "speaker", str.isspace, str.isspace))
    assert clear(store, settings) == Cleared((landed,), (), {})


@pytest.mark.parametrize(
    ("locator", "path"),
    [
        ("a/talks.jsonl:7", "a/talks.jsonl"),
        ("talks.csv row 12", "talks.csv"),
        ("x/a.vtt part 2", "x/a.vtt"),
        ("a b row x", "a b row x"),
    ],
)
def test_a_locator_tells_its_file(locator: str, path: str) -> None:
    assert path_of(locator) == path
