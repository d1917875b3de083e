"""Sources of transcripts: files, folders and hub datasets, in the order in which they were named."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from feedback_model.errors import InputError
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.files import read_file
from feedback_model.transcripts.hub import read_hub
from feedback_model.transcripts.raw_records import RawRecord

HUB_PREFIX = "hf:"


def read_sources(
    paths: Sequence[str], text_column: str | None = None, limit: int | None = None, seed: int = 0
) -> Iterator[RawRecord | Reject]:
    """Yield the documents of `paths` (files, folders with all that is in them, `hf:owner/name[:config][:split]`).

    Paths are looked at now, their content when it is asked for.

    Args:
        text_column: the field that holds the text; `text` by default.
        limit: take a sample of so many documents of all of them, drawn with `seed`; rejects are told all the same.

    Raises:
        InputError: a path does not exist, a folder holds no file, or a hub dataset cannot be reached.
    """
    if not paths:
        raise InputError("nothing to land: name files, folders or hf:owner/name")
    found = {path: [] if path.startswith(HUB_PREFIX) else _files_of(Path(path)) for path in paths}
    records = _read_all(found, text_column or "text", limit, seed)
    return records if limit is None else _sample(records, limit, seed)


def source_name(path: str) -> str:
    """Name a path as batches and reports show it."""
    return path.removeprefix(HUB_PREFIX) if path.startswith(HUB_PREFIX) else Path(path).absolute().name


def _files_of(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"there is no file or folder {str(path)!r}; check the path")
    if not path.is_dir():
        return [path]
    inside = (file.relative_to(path) for file in path.rglob("*") if file.is_file())
    files = sorted(path / file for file in inside if not any(part.startswith(".") for part in file.parts))
    if not files:
        raise InputError(f"the folder {str(path)!r} holds no files; put JSONL, CSV, Parquet or TXT files there")
    return files


def _read_all(
    found: dict[str, list[Path]], text_column: str, limit: int | None, seed: int
) -> Iterator[RawRecord | Reject]:
    for path, files in found.items():
        if path.startswith(HUB_PREFIX):
            yield from read_hub(path.removeprefix(HUB_PREFIX), text_column, limit, seed)
        for file in files:
            yield from read_file(file, text_column)


def _sample(records: Iterator[RawRecord | Reject], limit: int, seed: int) -> Iterator[RawRecord | Reject]:
    """Yield a uniform sample of `limit` records, in their order; rejects pass through."""
    generator = random.Random(seed)
    kept: list[tuple[int, RawRecord]] = []
    seen = 0
    for record in records:
        if isinstance(record, Reject):
            yield record
            continue
        place = seen if seen < limit else generator.randrange(seen + 1)
        seen += 1
        if place < limit:
            kept[place : place + 1] = [(seen, record)]
    yield from (record for _, record in sorted(kept, key=lambda numbered: numbered[0]))
