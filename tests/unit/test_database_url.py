"""Database URLs as people have them."""

import pytest

from feedback_model.errors import StoreError
from feedback_model.settings import Settings
from feedback_model.store.database_url import read_database_url, sqlite_path
from feedback_model.store.postgresql import parse_options

REST = "me:p%40ss%2Fw%3Ard@host:5433/db?sslmode=require&options=-csearch_path%3Dmine"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_every_name_of_postgresql_is_taken(scheme: str) -> None:
    url = read_database_url(f"{scheme}://{REST}")
    assert url.drivername == "postgresql+psycopg"
    assert (url.password, url.host, url.port, url.database) == ("p@ss/w:rd", "host", 5433, "db")
    assert url.query == {"sslmode": "require", "options": "-csearch_path=mine"}


@pytest.mark.parametrize("folder", ["/a?b", "/a#b", "/a b", "/100%25", "/a?mode=ro"])
def test_any_home_folder_has_its_database(folder: str) -> None:
    url = read_database_url(Settings(_env_file=None, home=folder).store_url)
    assert (url.database, dict(url.query)) == (f"{folder}/feedback.db", {})
    assert read_database_url(url.render_as_string()) == url, "it is opened again by what it renders as"


@pytest.mark.parametrize(
    "text", ["pl4nted", "mysql://me:pl4nted@host/db", "sqlite+aiosqlite:///x", "postgres://h:pl4nted/db"]
)
def test_what_is_no_database_is_told_unshown(text: str) -> None:
    with pytest.raises(StoreError, match=r"is not a database URL.*; try sqlite:///PATH or postgresql://") as error:
        read_database_url(text)
    assert "pl4nted" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    ["-csearch_path=mine -cwork_mem=1MB", "-c search_path=mine -c work_mem=1MB", "--search_path=mine --work_mem=1MB"],
)
def test_options_are_read_as_libpq_reads_them(options: str) -> None:
    assert parse_options(options) == {"search_path": "mine", "work_mem": "1MB"}
    assert parse_options(r"-csearch_path=a\ b") == {"search_path": "a b"}


@pytest.mark.parametrize("text", ["postgresql://me@host/feedback", "postgresql://me@/feedback?host=/run", "sqlite://"])
def test_what_is_no_sqlite_file_has_no_path(text: str) -> None:
    assert sqlite_path(read_database_url(text)) is None
