"""The inbox takes files and nothing else, and says of what it refused why."""

import os
import socket
from pathlib import Path

import pytest

from feedback_model.store.connection import Store
from feedback_model.transcripts.inbox import reasons_beside, settle, take_files
from feedback_model.transcripts.landing import land
from tests.builders import a_speech

SECRET = "a secret of this user, which whoever writes into the inbox cannot read"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return put(tmp_path, "secret.txt", SECRET)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    os.utime(path, (0, 0))
    return path


def refused(inbox: Path, name: str) -> str:
    """What stands beside a thing that was set aside."""
    return reasons_beside(inbox / "refused" / name).read_text()


def test_links_are_set_aside_unread(inbox: Path, secret: Path) -> None:
    link, other = inbox / "talk.txt", inbox / "talk2.txt"
    link.symlink_to(secret)
    os.utime(link, (0, 0), follow_symlinks=False)
    other.hardlink_to(secret)
    taken = take_files(inbox)
    assert taken.files == ()
    assert (inbox / "refused" / "talk.txt").is_symlink()
    assert "a symbolic link" in refused(inbox, "talk.txt")
    assert "hard link" in refused(inbox, "talk2.txt")


def test_pipes_sockets_and_folders_get_a_reason(inbox: Path) -> None:
    os.mkfifo(inbox / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "socket"))
    (inbox / "folder").mkdir()
    for path in inbox.iterdir():
        os.utime(path, (0, 0))
    assert take_files(inbox).files == ()
    reasons = {name: refused(inbox, name) for name in ("pipe", "socket", "folder")}
    assert "a named pipe" in reasons["pipe"]
    assert "a socket" in reasons["socket"]
    assert "a folder; put the files" in reasons["folder"]


def test_link_put_in_the_place_of_a_file_is_not_read(
    inbox: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchanged after it was looked at, which only somebody who writes into the inbox at that moment can do."""
    path = put(inbox, "talk.txt", "a talk")
    rename = Path.rename

    def exchange(self: Path, target: Path) -> Path:
        if self == path:
            path.unlink()
            path.symlink_to(secret)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", exchange)
    assert take_files(inbox).files == ()
    assert "a symbolic link" in refused(inbox, "talk.txt")


def test_what_was_refused_lies_apart_with_its_reason(store: Store, inbox: Path) -> None:
    put(inbox, "good.txt", a_speech(1))
    put(inbox, "bad.txt", "too short")
    put(inbox, "mixed.jsonl", f'{{"text": "{a_speech(2)}"}}\n{{"text": "too short"}}\n')
    taken = take_files(inbox)
    landed = land(store, [str(path) for path in taken.files])
    refusals = {Path(path): reasons for path, reasons in landed.refusals.items()}
    settle(inbox, taken.files, refusals, [Path(path) for path in landed.unusable])
    assert sorted(path.name for path in (inbox / "landed").iterdir()) == [
        "good.txt",
        "mixed.jsonl",
        "mixed.jsonl.reasons.txt",
    ]
    assert "words" in refused(inbox, "bad.txt")
    assert "mixed.jsonl:2: " in reasons_beside(inbox / "landed" / "mixed.jsonl").read_text()


def test_what_a_killed_run_had_taken_is_landed_by_the_next(inbox: Path) -> None:
    put(inbox, "talk.txt", a_speech(1))
    first = take_files(inbox)
    put(inbox, "talk.txt", a_speech(2))
    assert take_files(inbox).files == first.files
    assert (inbox / "talk.txt").exists()
    assert (inbox / "taken").stat().st_mode & 0o077 == 0
