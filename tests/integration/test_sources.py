"""Every format is read, and what is wrong with a file costs that file or that row alone."""

import io
import os
from datetime import date
from pathlib import Path

import datasets
import huggingface_hub
import polars
import pytest

from feedback_model.errors import InputError
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import ReadingOptions
from feedback_model.transcripts.sources import read_sources, read_stream

FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"
ROWS = {"text": ["the first one", "the second one"], "document": ["d1", "d2"], "other": [1, 2]}


def read(*paths: object, **options: object) -> list[RawRecord | Reject]:
    return list(read_sources([str(path) for path in paths], **options))  # type: ignore[arg-type]


def codes(records: list[RawRecord | Reject]) -> list[str]:
    return [record.code if isinstance(record, Reject) else record.text for record in records]


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl", "ndjson"])
def test_tables_of_every_format(tmp_path: Path, ending: str) -> None:
    path, table = tmp_path / f"talks.{ending}", polars.DataFrame(ROWS)
    {
        "csv": table.write_csv,
        "tsv": lambda file: table.write_csv(file, separator="\t"),
        "parquet": table.write_parquet,
    }.get(ending, table.write_ndjson)(path)
    assert [(one.text, one.document, one.source) for one in read(path)] == [  # type: ignore[union-attr]
        ("the first one", "d1", "talks"),
        ("the second one", "d2", "talks"),
    ]


def test_folder_is_read_with_all_its_files(tmp_path: Path) -> None:
    """A folder is read with all that is in it."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("a whole file\nis one document")
    (tmp_path / "deep" / "b.txt").write_text("\ufeffanother", encoding="utf-8")
    (tmp_path / ".hidden.txt").write_text("not this")
    (tmp_path / "notes.docx").write_bytes(b"PK\x03\x04 cut off")
    assert codes(read(tmp_path)) == ["a whole file\nis one document", "another", "unreadable"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.jsonl", b"", "empty"),
        ("a.txt", b" \n", "no_text"),
        ("a.txt", bytes(range(256)) * 10, "not_utf8"),
        ("a.txt", b"%PDF-1.7", "unknown_format"),
        ("a.jsonl", "{}".encode("utf-16"), "no_text"),
        ("a.jsonl", b'{"text": "caf\xe9"}', "not_utf8"),
        ("a.csv", b"name,other\nx,y\n", "no_text"),
        ("a.csv", b"text,n\none,two,three\n", "broken_table"),
        ("a.csv", b'text\n"never closed\n', "broken_table"),
        ("a.parquet", b"PAR1 no table", "broken_table"),
        ("a.jsonl", b'{"text": "a", "text": NaN}', "broken_json"),
        ("a.jsonl", b'{"text": "\\ud800"}', "broken_json"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    (rejected,) = read(tmp_path / name)
    assert isinstance(rejected, Reject)
    assert rejected.code == code
    assert rejected.locator.startswith(str(tmp_path / name))


def test_a_line_too_long_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feedback_model.transcripts.files.LONGEST_LINE", 30)
    long = b'{"text": "' + b"x" * 100 + b'"}\n'
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "one"}\n' + long + b'\n{"text": "two"}')
    assert codes(read(tmp_path / "a.jsonl")) == ["one", "too_long", "two"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('"a 1"', "a 1"),
        ("7", "7"),
        ("7.0", "7"),
        ("7.5", "7.5"),
        ("12345678901234567890123", "1.2345678901234568e+22"),
        ("null", None),
    ],
)
def test_names_of_any_kind_are_kept(given: str, kept: str | None) -> None:
    (found,) = read_stream(io.BytesIO(b'{"text": "one", "id": ' + given.encode() + b"}"), "-")
    assert isinstance(found, RawRecord)
    assert found.record_id == kept


def test_a_column_of_names_with_a_gap_is_kept(tmp_path: Path) -> None:
    names = {"id": [1.0, None], "speaker": [date(2026, 11, 29), None]}
    polars.DataFrame({"text": ["one", "two"], **names}).write_parquet(tmp_path / "a.parquet")
    found = [each for each in read(tmp_path / "a.parquet") if isinstance(each, RawRecord)]
    assert [(each.record_id, each.speaker) for each in found] == [("1", "2026-11-29"), (None, None)]


def test_another_text_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,field\n7,hello there\n")
    assert codes(read(tmp_path / "a.csv", options=ReadingOptions("field"))) == ["hello there"]
    (rejected,) = read(tmp_path / "a.csv")
    assert rejected.reason == "there is no field 'text' (fields: field, id); name it with --text-column"  # type: ignore[union-attr]


def test_a_sample_is_seeded_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "\n".join(f"t{number:03}" for number in range(100)))
    first, again = (codes(read(tmp_path / "a.csv", limit=10, seed=1)) for _ in range(2))
    assert first == again == sorted(first)
    assert len(set(first)) == 10
    assert first != codes(read(tmp_path / "a.csv", limit=10, seed=2))


def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no files"):
        read(tmp_path)
    with pytest.raises(InputError, match="nothing to land"):
        read()


def test_the_hub_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def load(*names: object, **options: object) -> datasets.IterableDataset:
        asked.append((*names, options["split"], options["streaming"]))
        return datasets.IterableDataset.from_generator(lambda: ({"text": f"t{n}"} for n in range(1_000)))

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_args, **_options: None)
    monkeypatch.setattr(datasets, "load_dataset", load)
    records = read("hf:owner/name:en:validation", limit=5)
    assert asked == [("owner/name", "en", "validation", True)]
    assert len(records) == 5
    assert {record.source for record in records} == {"owner/name"}  # type: ignore[union-attr]


@pytest.mark.parametrize("folder", ["saved", "saved_dict"])
def test_a_saved_dataset_is_read_through_hf(folder: str) -> None:
    found = read(f"hf:{FORMATS / 'owt' / folder}")
    assert [record.text[:9] for record in found] == ["The river", "Scientist", "Good morn"]  # type: ignore[union-attr]


def test_a_folder_with_data_is_read_through_hf(tmp_path: Path) -> None:
    polars.DataFrame(ROWS).write_parquet(tmp_path / "train-00000.parquet")
    assert codes(read(f"hf:{tmp_path}")) == ROWS["text"]


def out_of_reach(*_arguments: object, **_options: object) -> None:
    raise ConnectionError("Name or service not known")


def test_the_hubs_cache_needs_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was downloaded is read where the hub is out of reach, under the data set's own name."""
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", out_of_reach)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    folder, commit = tmp_path / "datasets--owner--name", "c" * 40
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    polars.DataFrame(ROWS).write_parquet(folder / "snapshots" / commit / "train-00000.parquet")
    found = read("hf:owner/name")
    assert codes(found) == ROWS["text"]
    assert {record.source for record in found} == {"owner/name"}  # type: ignore[union-attr]


def test_unreachable_hub_names_the_way_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hub out of reach names the way on."""
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", out_of_reach)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"hf:owner/name cannot be read from the hub .* or download it as Parquet"):
        read("hf:owner/name")


def test_streams_without_a_name_are_jsonl_or_text():
    lines = b'{"text": "one"}\n\n{"text": broken}\n{"text": "two"}\n'
    found = list(read_stream(io.BytesIO(lines), "standard input"))
    assert [getattr(each, "text", None) or each.code for each in found] == ["one", "broken_json", "two"]
    assert [each.text for each in read_stream(io.BytesIO("\ufeff a plain caf\u00e9\n".encode()), "-")] == [
        "a plain caf\u00e9"
    ]
    assert [each.code for each in read_stream(io.BytesIO(bytes(range(256))), "-")] == ["not_utf8"]
    assert [each.code for each in read_stream(io.BytesIO(b""), "-")] == ["empty"]


def test_lines_of_a_stream_come_one_by_one():
    """The first record of a stream is there before the second was written."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as sender:
        sender.write(b'\n{"text": "one", "id": 7, "speaker": "Ada"}\n')
        records = read_stream(stream, "-")
        first = next(records)
        assert (first.text, first.locator, first.record_id, first.speaker) == ("one", "-:2", "7", "Ada")
