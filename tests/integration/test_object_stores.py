"""Transcripts in an object store: landed by URL, and by the sweep that watches one."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.cli.options import load_settings
from feedback_model.errors import ConfigurationError, InputError, SourceUnreachable
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.transcripts.fetching import fetch_new
from feedback_model.transcripts.inbox import Inbox, take_files
from feedback_model.transcripts.landing import land
from tests.builders import a_speech
from tests.object_store import Bucket, object_store
from tests.ports import free_port

URL = "s3://talks/spring/"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with object_store(monkeypatch) as found:
        yield found


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox", tmp_path / "kept")


def test_all_below_a_url_lands(store: Store, bucket: Bucket) -> None:
    """Of any format, a folder deep, and nothing beside it."""
    bucket.put("spring/talk.txt", a_speech(1))
    bucket.put("spring/more/talks.jsonl", "".join(json.dumps({"text": a_speech(n)}) + "\n" for n in (2, 3)))
    bucket.put("spring/.hidden", a_speech(4))
    bucket.put("autumn/talk.txt", a_speech(5))
    assert land(store, [URL]).accepted == 3
    assert land(store, [URL]).known == 3


def test_what_is_refused_is_named_by_its_url(store: Store, bucket: Bucket) -> None:
    bucket.put("spring/talk.txt", "too short")
    bucket.put("spring/picture.png", b"\x89PNG\r\n\x1a\n\x00")
    landed = land(store, [URL])
    assert landed.accepted == 0
    assert landed.reasons["too_short"].startswith("s3://talks/spring/talk.txt: 2 words")
    assert sorted(landed.unusable) == ["s3://talks/spring/picture.png", "s3://talks/spring/talk.txt"]


def test_the_sweep_fetches_what_is_new_alone(bucket: Bucket, inbox: Inbox) -> None:
    bucket.put("spring/talk.txt", a_speech(1))
    bucket.put("spring/more/talk.txt", a_speech(2))
    assert fetch_new(URL, inbox).count == 2
    assert {path.read_text() for path in take_files(inbox).files} == {a_speech(1), a_speech(2)}
    assert fetch_new(URL, inbox).count == 0
    bucket.put("spring/talk.txt", a_speech(3))
    assert fetch_new(URL, inbox).count == 1
    assert bucket.keys() == ["spring/more/talk.txt", "spring/talk.txt"]


def test_a_fetch_that_was_cut_off_is_made_up_for(bucket: Bucket, inbox: Inbox) -> None:
    """What a kill leaves: half an object, and half a line of what was fetched."""
    bucket.put("spring/talk.txt", a_speech(1))
    fetch_new(URL, inbox)
    (inbox.taken / ".fetching").write_text("half of a")
    (inbox.kept / "fetched.jsonl").write_text('{"url": "s3://talks/spr')
    assert [path.name for path in take_files(inbox).files] == ["talk.txt"]
    assert fetch_new(URL, inbox).count == 1
    assert {path.read_text() for path in take_files(inbox).files} == {a_speech(1)}


def test_any_name_is_fetched(bucket: Bucket, inbox: Inbox) -> None:
    for number, name in enumerate(("a::b.txt", "what?.txt", "100%#.txt", "[x]*.txt")):
        bucket.put(f"spring/{name}", a_speech(number))
    assert fetch_new(URL, inbox).count == 4


@pytest.mark.skipif(os.getuid() == 0, reason="root reads whatever its mode")
def test_one_unreadable_object_stops_no_other(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "store" / name).write_text(a_speech(1))
    (tmp_path / "store" / "a.txt").chmod(0)
    fetched = fetch_new(f"file://{tmp_path / 'store'}", inbox)
    assert fetched.count == 1
    assert "a.txt may not be read" in fetched.problems[0]


@pytest.mark.parametrize("url", ["s3://key:secret@talks/", "s3://talks/?sig=secret"])
def test_secrets_in_the_inbox_url_are_refused_unseen(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDBACK_INBOX_URL", url)
    with pytest.raises(ConfigurationError, match="leave secrets out of the URL") as told:
        load_settings()
    assert "secret@" not in str(told.value)
    assert "=secret" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "error", "sentence"),
    [
        ("s3://talks/winter/", InputError, "there is nothing at s3://talks/winter/; check bucket and path"),
        ("s3://elsewhere/", InputError, "there is nothing at s3://elsewhere/"),
        ("nonsense://talks/", InputError, "nonsense://talks/ cannot be read: Protocol not known: nonsense"),
        ("adl://talks/", ConfigurationError, "adl://talks/ needs a package that is not installed"),
    ],
    ids=["an empty folder", "no bucket", "no such store", "a missing package"],
)
def test_what_cannot_be_read_is_told(bucket: Bucket, store: Store, url: str, error: type, sentence: str) -> None:
    assert bucket.keys() == []
    with pytest.raises(error, match="^" + sentence):
        land(store, [url])


def test_a_store_that_is_away_is_told(bucket: Bucket, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceUnreachable, match="s3://talks/spring/ does not answer") as told:
        land(store, [URL])
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(told.value)
    assert bucket.name in URL


@pytest.mark.parametrize("url", ["/srv/talks", "file:///srv/talks", "talks"])
def test_the_inbox_url_is_no_folder_of_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDBACK_INBOX_URL", url)
    with pytest.raises(ValueError, match="name an object store"):
        Settings()
