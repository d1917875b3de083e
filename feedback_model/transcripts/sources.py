"""Sources of transcripts: files, folders, object stores and hub datasets, in the order in which they were named."""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from feedback_model.errors import InputError
from feedback_model.records.recordings import Recording
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts import files
from feedback_model.transcripts.hub import read_hub
from feedback_model.transcripts.object_stores import StoredObject, is_url, list_objects, opened
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions
from feedback_model.transcripts.speakers import Documents

HUB_PREFIX = "hf:"
_ABOUT_DATA = frozenset({"dataset_info.json", "dataset_dict.json", "state.json"})  # that `datasets.save_to_disk` writes


def read_sources(
    paths: Sequence[str],
    options: ReadingOptions | None = None,
    assumptions: Assumptions | None = None,
    *,
    limit: int | None = None,
    seed: int = 0,
) -> Iterator[RawRecord | Reject]:
    """Yield the documents of `paths`.

    Each is a file, a folder or a URL such as `s3://bucket/talks/` with all that is in it, or `hf:owner/name[:config][:split]`.

    Paths are looked at now, their content when it is asked for.

    Args:
        assumptions: takes what was assumed of files.
        limit: take a sample of so many documents of all of them, drawn with `seed`; rejects are told all the same.

    Raises:
        InputError: a path does not exist, a folder holds no file, or a hub dataset cannot be reached.
        ConfigurationError: an object store does not answer, or lets nobody in.
    """
    if not paths:
        raise InputError("nothing to land: name files, folders, URLs or hf:owner/name")
    options, assumptions = options or ReadingOptions(), assumptions or Assumptions()
    found = {path: _look(path) for path in paths}
    recordings = _read_all(found, options, assumptions, limit, seed)
    records = _documents(recordings, options, assumptions)
    return records if limit is None else _sample(records, limit, seed)


def read_stream(
    stream: IO[bytes], name: str, options: ReadingOptions | None = None, assumptions: Assumptions | None = None
) -> Iterator[RawRecord | Reject]:
    """Yield the documents of a stream, those of JSON lines as they come."""
    options, assumptions = options or ReadingOptions(), assumptions or Assumptions()
    return _documents(files.read_stream(stream, name, options, assumptions), options, assumptions)


def source_name(path: str) -> str:
    """Name a path as batches and reports show it."""
    if path.startswith(HUB_PREFIX):
        return path.removeprefix(HUB_PREFIX)
    return path if is_url(path) else Path(path).absolute().name


def is_elsewhere(path: str) -> bool:
    """Tell whether `path` lies on no disk of this machine, so that reading it twice is fetching it twice."""
    return path.startswith(HUB_PREFIX) or is_url(path)


def files_of(path: Path) -> list[Path]:
    """List a file, or all files in a folder, in order of name; hidden ones are left out.

    Raises:
        InputError: there are none.
    """
    if not path.exists():
        raise InputError(f"there is no file or folder {str(path)!r}; check the path")
    if not path.is_dir():
        return [path]
    inside = (file.relative_to(path) for file in path.rglob("*") if file.is_file() and file.name not in _ABOUT_DATA)
    found = sorted(path / file for file in inside if not any(part.startswith(".") for part in file.parts))
    if not found:
        raise InputError(f"the folder {str(path)!r} holds no files; put transcripts there, in any format")
    return found


def _documents(
    recordings: Iterable[Recording | Reject], options: ReadingOptions, assumptions: Assumptions
) -> Iterator[RawRecord | Reject]:
    documents = Documents(options, assumptions)
    return (document for recording in recordings for document in documents.of(recording))


def _look(path: str) -> list[Path] | list[StoredObject]:
    if path.startswith(HUB_PREFIX):
        return []
    return list_objects(path) if is_url(path) else files_of(Path(path))


def _read_all(
    found: dict[str, list[Path] | list[StoredObject]],
    options: ReadingOptions,
    assumptions: Assumptions,
    limit: int | None,
    seed: int,
) -> Iterator[Recording | Reject]:
    for path, inside in found.items():
        if path.startswith(HUB_PREFIX):
            yield from read_hub(path.removeprefix(HUB_PREFIX), options, limit, seed)
        for each in inside:
            if isinstance(each, StoredObject):
                yield from _read_object(each, options, assumptions)
            else:
                yield from files.read_file(each, options, assumptions)


def _read_object(
    found: StoredObject, options: ReadingOptions, assumptions: Assumptions
) -> Iterator[Recording | Reject]:
    with opened(found) as stream:
        yield from files.read_stream(stream, found.url, options, assumptions, source=Path(found.name).stem)


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
