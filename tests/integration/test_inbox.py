"""The inbox takes files and nothing else, harms nobody who wrote there what, and says of what it refused why."""

import os
import socket
from pathlib import Path

import pytest

from feedback_model.store.connection import Store
from feedback_model.transcripts.inbox import Inbox, Taken, reasons_beside, settle, take_files
from feedback_model.transcripts.landing import land
from tests.builders import a_speech

SECRET = "a secret of this user, which whoever writes into the inbox cannot read"


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return Inbox(folder, tmp_path / "kept")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return put(tmp_path, "secret.txt", SECRET)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    os.utime(path, (0, 0))
    return path


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)
    os.utime(path, (0, 0), follow_symlinks=False)


def said(inbox: Inbox, name: str) -> str:
    """What stands beside a thing that was set aside."""
    return reasons_beside(inbox.refused / name).read_text()


def sweep(inbox: Inbox, store: Store) -> Taken:
    """What the deployment does."""
    taken = take_files(inbox)
    if taken.files:
        landed = land(store, [str(path) for path in taken.files])
        refusals = {Path(path): reasons for path, reasons in landed.refusals.items()}
        settle(inbox, taken.files, refusals, [Path(path) for path in landed.unusable])
    return taken


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_links_are_set_aside_unread(inbox: Inbox, secret: Path) -> None:
    link(inbox.dropped / "talk.txt", secret)
    (inbox.dropped / "talk2.txt").hardlink_to(secret)
    assert take_files(inbox).files == ()
    assert (inbox.refused / "talk.txt").is_symlink()
    assert "a symbolic link" in said(inbox, "talk.txt")
    assert "hard link" in said(inbox, "talk2.txt")


def test_pipes_sockets_and_folders_get_a_reason(inbox: Inbox) -> None:
    os.mkfifo(inbox.dropped / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox.dropped / "socket"))
    (inbox.dropped / "folder").mkdir()
    for path in inbox.dropped.iterdir():
        os.utime(path, (0, 0))
    taken = take_files(inbox)
    assert taken.files == ()
    assert len(taken.refused) == 3
    assert "a named pipe" in said(inbox, "pipe")
    assert "a socket" in said(inbox, "socket")
    assert "a folder; put the files" in said(inbox, "folder")


def test_what_is_read_lies_where_nobody_else_can_enter(
    inbox: Inbox, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchanged in the moment that it is taken, which only somebody who writes into the inbox can do."""
    path = put(inbox.dropped, "talk.txt", "a talk")
    rename = Path.rename

    def exchange(self: Path, target: Path) -> Path:
        if self == path:
            path.unlink()
            path.symlink_to(secret)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", exchange)
    assert take_files(inbox).files == ()
    assert "a symbolic link" in said(inbox, "talk.txt")
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in (inbox.kept, inbox.taken, inbox.refused))


def test_reasons_are_written_through_no_link(inbox: Inbox, secret: Path) -> None:
    """A link that is called as the reasons of a pipe will be."""
    link(inbox.dropped / "pipe.reasons.txt", secret)
    take_files(inbox)
    os.mkfifo(inbox.dropped / "pipe")
    os.utime(inbox.dropped / "pipe", (0, 0))
    take_files(inbox)
    assert secret.read_text() == SECRET
    assert "a named pipe" in said(inbox, "pipe-2")


def test_what_was_refused_lies_apart_with_its_reason(store: Store, inbox: Inbox) -> None:
    put(inbox.dropped, "good.txt", a_speech(1))
    put(inbox.dropped, "bad.txt", "too short")
    put(inbox.dropped, "mixed.jsonl", f'{{"text": "{a_speech(2)}"}}\n{{"text": "too short"}}\n')
    sweep(inbox, store)
    assert names(inbox.landed) == ["good.txt", "mixed.jsonl", "mixed.jsonl.reasons.txt"]
    assert "words" in said(inbox, "bad.txt")
    assert "mixed.jsonl:2: " in reasons_beside(inbox.landed / "mixed.jsonl").read_text()


def test_nothing_is_lost_where_names_meet(store: Store, inbox: Inbox) -> None:
    """A file that is called as another one's reasons, and the same name twice."""
    put(inbox.dropped, "bad.txt.reasons.txt", "no talk")
    sweep(inbox, store)
    for text in ("first", "second"):
        put(inbox.dropped, "bad.txt", text)
        sweep(inbox, store)
    kept = {path.read_text() for path in inbox.refused.iterdir()}
    assert kept >= {"no talk", "first", "second"}
    assert len(names(inbox.refused)) == 6


ODD_NAMES = (
    b"\xff\xfe.txt",
    b"n" * 255,
    b"\xc3\xa9" * 120 + b".jsonl",
    b"a\nb.txt",
    b"-rf",
    b"taken",
    b"a" * 250 + b".x",
)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_no_name_stops_the_sweep(store: Store, inbox: Inbox, name: bytes) -> None:
    """What is called so is landed, and so is what lies beside it; refused, it gets its reason."""
    put(inbox.dropped, os.fsdecode(name), a_speech(1))
    put(inbox.dropped, "good.txt", a_speech(2))
    sweep(inbox, store)
    assert len(names(inbox.landed)) == 2
    put(inbox.dropped, os.fsdecode(name), "too short")
    sweep(inbox, store)
    assert len(names(inbox.refused)) == 2
    assert names(inbox.dropped) == []


def test_what_cannot_be_moved_keeps_nothing_else_back(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder whose files belong to several users."""
    put(inbox.dropped, "a.txt", "of another user")
    put(inbox.dropped, "b.txt", a_speech(1))
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "a.txt":
            raise PermissionError(1, "Operation not permitted")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    taken = take_files(inbox)
    assert [path.name for path in taken.files] == ["b.txt"]
    assert "cannot be moved (Operation not permitted)" in taken.refused[0]


def test_what_a_killed_run_had_taken_is_landed_by_the_next(inbox: Inbox) -> None:
    put(inbox.dropped, "talk.txt", a_speech(1))
    first = take_files(inbox)
    put(inbox.dropped, "talk.txt", a_speech(2))
    assert [path.name for path in take_files(inbox).files] == ["talk-2.txt", "talk.txt"]
    assert first.files[0].read_text() == a_speech(1)
