"""Columnar files: Parquet, read by polars, and Arrow as `datasets.save_to_disk` and Feather write it, read by pyarrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.formats.rows import Row

PARQUET: Final = b"PAR1"
ARROW_FILE: Final = b"ARROW1"
ARROW_STREAM: Final = b"\xff\xff\xff\xff"
_ROWS_AT_ONCE: Final = 1_000


def rows_of_parquet(path: Path, name: str) -> Iterator[Row | Reject]:
    """Yield the rows, without the columns of bytes and vectors, which hold no words."""
    import polars

    try:
        scan = polars.scan_parquet(path)
        wanted = [column for column, kind in scan.collect_schema().items() if _may_hold_words(kind)]
        batches = scan.select(wanted).collect_batches(chunk_size=_ROWS_AT_ONCE, maintain_order=True)
        yield from _numbered((row for part in batches for row in part.iter_rows(named=True)), name)
    except polars.exceptions.PolarsError as error:
        yield _broken(name, error)


def _may_hold_words(kind: Any) -> bool:
    inner = getattr(kind, "inner", kind)
    return kind.base_type().__name__ not in ("Binary", "Array", "Object") and not (
        inner is not kind and inner.is_numeric()
    )


def rows_of_arrow(file: IO[bytes], name: str, *, is_stream: bool) -> Iterator[Row | Reject]:
    """Yield the rows of an Arrow stream, or of an Arrow file, which is read from its end."""
    import pyarrow

    try:
        reader = pyarrow.ipc.open_stream(file) if is_stream else pyarrow.ipc.open_file(file)
        batches = reader if is_stream else (reader.get_batch(number) for number in range(reader.num_record_batches))
        yield from _numbered((row for batch in batches for row in _rows_of(batch)), name)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        yield _broken(name, error)


def _rows_of(batch: Any) -> Iterator[dict[str, Any]]:
    for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
        yield from batch.slice(start, _ROWS_AT_ONCE).to_pylist()


def _numbered(rows: Iterator[dict[str, Any]], name: str) -> Iterator[Row | Reject]:
    number = 0
    for number, fields in enumerate(rows, start=1):
        yield Row(f"{name} row {number}", fields)
    if not number:
        yield Reject(name, "empty", "the table has columns but no rows")


def _broken(name: str, error: Exception) -> Reject:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return Reject(name, "broken_table", f"the table cannot be read: {first}")
