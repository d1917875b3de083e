"""Promises of the real speech that ships with the package: small, licensed, credited, and fit to land."""

import json
from collections import Counter
from pathlib import Path

import pytest

from feedback_model.demo.real_speech import write_real_speech
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.landing import split_document
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.sources import read_sources
from feedback_model.transcripts.splits import split_of
from tests.documented_blocks import ROOT

LICENCES = {"public-domain", "CC0-1.0", "CC-BY-2.5", "CC-BY-4.0"}
NAMED = {
    "ami": "AMI Meeting Corpus",
    "debates2020": "debates of 2020",
    "gum_interview": "Wikinews",
    "inaugural": "inaugural addresses",
    "state_union": "State of the Union",
}


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    write_real_speech(tmp_path / "speech.jsonl")
    return tmp_path / "speech.jsonl"


def test_speech_is_at_most_400_kilobytes(speech: Path) -> None:
    assert speech.stat().st_size <= 400_000


def test_every_excerpt_names_licence_and_author(speech: Path) -> None:
    records = [json.loads(line) for line in speech.read_text(encoding="utf-8").splitlines()]
    assert {record["licence"] for record in records} == LICENCES
    assert all(record["attribution"].strip() for record in records)
    assert len({record["id"] for record in records}) == len(records)
    wikinews = [record["attribution"] for record in records if record["source"] == "gum_interview"]
    assert all("https://en.wikinews.org/wiki/" in attribution for attribution in wikinews)


def test_notice_names_every_source_of_speech(speech: Path) -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8").split("real_speech.jsonl")[1].split("\n\ndocs/")[0]
    sources = {json.loads(line)["source"] for line in speech.read_text(encoding="utf-8").splitlines()}
    assert sources == set(NAMED)
    assert [words for words in NAMED.values() if words not in notice] == []


def test_every_excerpt_lands_whole(speech: Path) -> None:
    records = [record for record in read_sources([str(speech)]) if isinstance(record, RawRecord)]
    pieces = [piece for record in records for piece in split_document(record)]
    assert len(records) == 182
    assert not any(isinstance(piece, Reject) for piece in pieces)
    assert len(pieces) == len(records)


def test_each_split_has_some_speech(speech: Path) -> None:
    documents = [record.document for record in read_sources([str(speech)]) if isinstance(record, RawRecord)]
    splits = Counter(split_of(document) for document in documents if document)
    assert splits == {"train": 141, "validation": 14, "test": 27}
