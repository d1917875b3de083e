"""Each place where a text occurred is kept, with speakers and times; and nobody known by name is heard in two splits."""

import json
import random
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from feedback_model.store.connection import Store
from feedback_model.store.tables import metadata
from feedback_model.transcripts.landing import LandingSummary, land
from feedback_model.transcripts.reading_options import ReadingOptions
from feedback_model.transcripts.splits import split_of
from tests.builders import a_speech


def ask(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def a_meeting(path: Path, *turns: tuple[str, str], seconds: float = 10.0) -> str:
    """Captions in which each turn takes `seconds`."""
    cues = [
        f"00:{int(at * seconds) // 60:02}:{int(at * seconds) % 60:02}.000 --> "
        f"00:{int((at + 1) * seconds) // 60:02}:{int((at + 1) * seconds) % 60:02}.000\n<v {speaker}>{said}</v>\n"
        for at, (speaker, said) in enumerate(turns)
    ]
    path.write_text("WEBVTT\n\n" + "\n".join(cues), encoding="utf-8")
    return str(path)


def persons_in_several_splits(store: Store) -> list[tuple[Any, ...]]:
    return ask(
        store,
        "SELECT person FROM occurrences WHERE person IS NOT NULL GROUP BY person HAVING COUNT(DISTINCT split) > 1",
    )


def persons_in(split: str, n: int) -> list[str]:
    names = (f"Person {letters}" for letters in map("".join, _letters()))
    return [name for name in names if split_of(f"speaker:{name.casefold()}") == split][:n]


def _letters() -> list[str]:
    return [f"{first}{second}o" for first in "abcdefghijklmnopqrstuvwxyz" for second in "aeiou"]


def land_each(store: Store, path: str) -> LandingSummary:
    return land(store, [path], options=ReadingOptions(speaker="each"))


def test_equal_texts_are_one_transcript_in_two_places(any_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps({"id": name, "text": a_speech(1)}) + "\n" for name in ("k-1", "k-2")))
    for _ in range(2):
        land(any_store, [str(path)])
    assert ask(any_store, "SELECT COUNT(*) FROM transcript") == [(1,)]
    found = ask(any_store, "SELECT record_id, locator, piece, pieces, speaker FROM occurrences ORDER BY record_id")
    assert found == [("k-1", f"{path}:1", 1, 1, None), ("k-2", f"{path}:2", 1, 1, None)]


def test_each_speaker_has_their_own_times(any_store: Store, tmp_path: Path) -> None:
    path = a_meeting(
        tmp_path / "meeting.vtt", ("Ana Ruiz", a_speech(1)), ("Speaker 1", a_speech(2)), ("Ana Ruiz", a_speech(3))
    )
    land_each(any_store, path)
    found = ask(any_store, "SELECT speaker, person, start_seconds, end_seconds FROM occurrences ORDER BY start_seconds")
    assert found == [("Ana Ruiz", "ana ruiz", 0.0, 30.0), ("Speaker 1", None, 10.0, 20.0)]


def test_pieces_have_the_speakers_and_times_of_their_turns(store: Store, tmp_path: Path) -> None:
    """Twelve turns of 40 words make three pieces of 160; cuts fall between turns."""
    turns = [("Ana" if number < 4 else "Ben", a_speech(number)) for number in range(12)]
    land(store, [a_meeting(tmp_path / "long.vtt", *turns)])
    found = ask(
        store,
        "SELECT piece, pieces, start_seconds, end_seconds, speaker FROM occurrences ORDER BY piece, speaker",
    )
    assert found == [(1, 3, 0.0, 40.0, "Ana"), (2, 3, 40.0, 80.0, "Ben"), (3, 3, 80.0, 120.0, "Ben")]


def test_nobody_is_heard_in_two_splits(store: Store, tmp_path: Path) -> None:
    """Whichever order meetings of overlapping people come in, together or apart, and whether land is called once or often."""
    draw, names = random.Random(0), [f"Person {letters}" for letters in _letters()[:40]]
    for number in range(60):
        present = draw.sample(names, draw.choice([1, 1, 1, 2]))
        turns = [(name, a_speech(1000 + 10 * number + place)) for place, name in enumerate(present)]
        path = a_meeting(tmp_path / f"meeting-{number}.vtt", *turns)
        land(store, [path], options=ReadingOptions(speaker=draw.choice(["all", "each"])))
    assert persons_in_several_splits(store) == []
    assert len(ask(store, "SELECT DISTINCT split FROM occurrences")) > 1


def test_a_meeting_that_ties_two_splits_is_refused(store: Store, tmp_path: Path) -> None:
    train, test = persons_in("train", 1)[0], persons_in("test", 1)[0]
    for number, name in enumerate((train, test)):
        land_each(store, a_meeting(tmp_path / f"{number}.vtt", (name, a_speech(number))))
    both = land(store, [a_meeting(tmp_path / "both.vtt", (train, a_speech(7)), (test, a_speech(8)))])
    assert both.rejected == {"bridges_splits": 1}
    assert f"{train} speaks in train and {test} speaks in test" in both.reasons["bridges_splits"]


def test_a_known_text_of_another_speaker_is_refused_across_splits(store: Store, tmp_path: Path) -> None:
    train, test = persons_in("train", 1)[0], persons_in("test", 1)[0]
    land_each(store, a_meeting(tmp_path / "own.vtt", (train, a_speech(1))))
    land_each(store, a_meeting(tmp_path / "other.vtt", (test, a_speech(2))))
    copied = land_each(store, a_meeting(tmp_path / "copied.vtt", (test, a_speech(1))))
    assert "it is a transcript of train" in copied.reasons["bridges_splits"]
    assert persons_in_several_splits(store) == []


def test_labels_of_speakers_tie_nothing(store: Store, tmp_path: Path) -> None:
    for number in range(40):
        land_each(store, a_meeting(tmp_path / f"{number}.vtt", ("Speaker 1", a_speech(number))))
    assert len(ask(store, "SELECT DISTINCT split FROM occurrences")) > 1


def test_odd_characters_move_no_times(store: Store, tmp_path: Path) -> None:
    """A zero-width space that stands alone, escapes, and a control character: words are counted on what is kept."""
    odd = {1: "\u200b \u200b", 5: "fish&nbsp;chips", 9: "a\x1cb &#64;"}
    turns = [("Ana", f"{odd.get(number, '')} {a_speech(number)}") for number in range(12)]
    land(store, [a_meeting(tmp_path / "odd.vtt", *turns)])
    found = ask(store, "SELECT start_seconds, end_seconds FROM occurrences ORDER BY piece")
    assert found == [(0.0, 40.0), (40.0, 80.0), (80.0, 120.0)]


def test_redacted_people_and_ids_have_aliases(store: Store, tmp_path: Path) -> None:
    """One recording is one document, whole or by speaker, and of what cannot be read nothing is kept."""
    path = tmp_path / "calls.jsonl"
    row = {"id": "ana.ruiz@example.com", "speaker": "+1 415 555 2671", "text": f"call 415 555 2671 {a_speech(1)}"}
    path.write_text(json.dumps(row) + '\n{"text": "ana.ruiz@example.com')
    for speaker in ("all", "each"):
        land(store, [str(path)], options=ReadingOptions(speaker=speaker, redact=True))
    with store.read() as connection:
        kept = repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])
    assert "415" not in kept
    assert "ana.ruiz" not in kept
    assert ask(store, "SELECT speaker, person FROM occurrence_speaker") == [("[telephone number] 1", None)]
    assert len(ask(store, "SELECT DISTINCT document FROM occurrence")) == 1
