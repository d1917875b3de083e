"""Containers are opened in one another, read as they come, and refused before they can do harm."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable

import polars
import pytest
import zstandard

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts import containers, files
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.sources import read_stream

TEXT = "Thank you all for coming, and let us begin."
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": zstandard.compress,
}


def read(raw: bytes) -> list[RawRecord | Reject]:
    return list(read_stream(io.BytesIO(raw), "talk"))


def a_tar(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return file.getvalue()


def a_zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_text_is_read_through(kind: str) -> None:
    (found,) = read(PACKERS[kind](TEXT.encode()))
    assert isinstance(found, RawRecord)
    assert (found.text, found.locator) == (TEXT, "talk")


def test_containers_in_containers_are_opened() -> None:
    packed = a_tar(one=lzma.compress(a_tar(a=TEXT.encode(), b=b"another")), two=a_zip(c=b"third", __MACOSX=b"no"))
    found = [each for each in read(packed) if isinstance(each, RawRecord)]
    assert [(each.locator, each.text) for each in found] == [
        ("talk/one/a", TEXT),
        ("talk/one/b", "another"),
        ("talk/two/c", "third"),
    ]


@pytest.mark.parametrize("kind", [*PACKERS, "zip"])
def test_a_bomb_is_refused_early(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to hundreds of times its size is refused, whatever is in it."""
    monkeypatch.setattr(containers, "FREE_BYTES", 2**20)
    monkeypatch.setattr(containers, "MOST_TIMES", 20)
    bomb = b"so on and on " * 2**19
    *_, last = read(a_zip(a=bomb) if kind == "zip" else PACKERS[kind](bomb))
    assert isinstance(last, Reject)
    assert last.reason.startswith("talk unpacks to more than 20 times its size and 1 MiB")


@pytest.mark.parametrize("kind", [*PACKERS, "zip"])
def test_a_damaged_container_is_refused(kind: str) -> None:
    pack = PACKERS.get(kind, lambda raw: a_zip(a=raw))
    (refused,) = read(pack(TEXT.encode() * 9)[:-20])
    assert isinstance(refused, Reject)
    assert refused.code in ("unreadable", "empty")


def test_other_office_documents_are_refused_as_one() -> None:
    (refused,) = read(a_zip(**{"[Content_Types].xml": b"<Types/>", "ppt/presentation.xml": b"<p/>"}))
    assert isinstance(refused, Reject)
    assert "office document of another kind" in refused.reason


def test_a_packed_parquet_file_is_read() -> None:
    file = io.BytesIO()
    polars.DataFrame({"text": [TEXT]}).write_parquet(file)
    (found,) = read(gzip.compress(file.getvalue()))
    assert isinstance(found, RawRecord)
    assert found.text == TEXT


def test_nesting_has_an_end() -> None:
    packed = TEXT.encode()
    for _ in range(9):
        packed = gzip.compress(packed)
    (refused,) = read(packed)
    assert isinstance(refused, Reject)
    assert "more than 4 containers in one another" in refused.reason


def test_a_long_text_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of a text that is read part by part are those of the whole; its parts share a document."""
    monkeypatch.setattr(files, "_PART", 1_000)
    text = "\n".join(f"line {number} of the story" for number in range(200))
    found = [each for each in read(text.encode()) if isinstance(each, RawRecord)]
    assert len(found) > 3
    assert " ".join(each.text for each in found).split() == text.split()
    assert {each.document for each in found} == {"talk"}


def test_one_endless_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PART", 1_000)
    (refused,) = read(b"x" * 5_000)
    assert isinstance(refused, Reject)
    assert "so it is no text" in refused.reason
