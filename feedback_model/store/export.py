"""Export of the views as Parquet files, for polars, DuckDB and pandas."""

from collections.abc import Generator
from pathlib import Path

from feedback_model.errors import ConfigurationError
from feedback_model.store.connection import open_store
from feedback_model.store.readonly_sql import run_query
from feedback_model.store.schema import VIEWS

_EVERY_ROW = 2**31 - 2  # what a cursor can be asked for at once
_AN_HOUR = 3600.0


def export_views(store_url: str, folder: Path) -> Generator[tuple[str, int]]:
    """Write each documented view to `folder/VIEW.parquet`, in place of what stood there; yields its name and rows.

    A view is held in memory while it is written, one at a time; a file appears whole or not at all.

    Raises:
        ConfigurationError: the folder cannot be written.
        StoreError: there is no database, or it cannot be opened or written.
    """
    run_query(store_url, "SELECT 1")  # opening would make a database where there is none
    open_store(store_url).close()  # an older database gets the views of this code
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for view in VIEWS:
            yield view, _export(store_url, view, folder / f"{view}.parquet")
    except OSError as error:
        raise ConfigurationError(
            f"the folder {folder} cannot be written ({error.strerror}); make room or name another"
        ) from error


def _export(store_url: str, view: str, path: Path) -> int:
    import polars

    found = run_query(store_url, f"SELECT * FROM {view}", _EVERY_ROW, _AN_HOUR)  # noqa: S608 - a name of ours
    frame = polars.DataFrame(found.rows, schema=list(found.columns), orient="row", infer_schema_length=None)
    unfinished = path.with_suffix(".parquet.part")
    frame.write_parquet(unfinished)
    unfinished.replace(path)
    return frame.height
