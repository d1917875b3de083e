"""The views leave the database as Parquet, row for row, from SQLite and PostgreSQL alike."""

from pathlib import Path

import polars
import pytest

from feedback_model.errors import ConfigurationError, StoreError
from feedback_model.store.connection import Store
from feedback_model.store.export import export_views
from feedback_model.store.readonly_sql import run_query
from feedback_model.store.schema import VIEWS


@pytest.fixture
def url(any_filled_store: Store) -> str:
    return any_filled_store.engine.url.render_as_string(hide_password=False)


def test_every_view_becomes_a_file(url: str, tmp_path: Path) -> None:
    """Every view is a file with its rows and columns."""
    written = dict(export_views(url, tmp_path / "out"))
    assert list(written) == list(VIEWS)
    for view in VIEWS:
        read, asked = polars.read_parquet(tmp_path / "out" / f"{view}.parquet"), run_query(url, f"SELECT * FROM {view}")
        assert read.columns == list(asked.columns)
        assert read.rows() == [tuple(row) for row in asked.rows]


def test_second_export_replaces_the_first(url: str, tmp_path: Path) -> None:
    """A second export replaces the first and leaves nothing unfinished."""
    for _ in range(2):
        dict(export_views(url, tmp_path / "out"))
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".parquet"}


def test_unwritable_folder_is_one_sentence(url: str, tmp_path: Path) -> None:
    """A folder that cannot be written is one sentence."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        dict(export_views(url, tmp_path / "file" / "out"))


def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        dict(export_views(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
