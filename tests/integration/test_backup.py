"""A backup is made while everything runs, and what is restored from it is the same to the last figure."""

import os
import tarfile
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import text

from eval.report.verify import verify_report
from eval.report.write import write_report
from feedback_model.backup import MANIFEST, back_up, restore
from feedback_model.errors import InputError
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, open_store
from feedback_model.store.readonly_sql import select_rows
from tests.databases import Cluster, postgres_programs
from tests.evaluated_run import evaluate_filled


@pytest.fixture
def filled(settings: Settings, store: Store) -> Settings:
    """A home with an evaluation, its report, weights and what a running service keeps to itself."""
    evaluate_filled(store)
    write_report(store, settings, None)
    kept = {
        "checkpoints/run/epoch-1/adapter.safetensors": b"\0" * 5_000,
        "snapshots/a.parquet": b"PAR1",
        "inbox/talk.txt": b"A",
    }
    secret = {
        "serve/token": b"secret",
        "prefect/token": b"secret",
        "prefect/server.json": b"{}",
        ".draft": b"",
        "a.lock": b"",
    }
    for name, content in (kept | secret).items():
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (settings.home / "inbox" / "link").symlink_to("/etc/passwd")
    return settings


def elsewhere(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "restored", _env_file=None)


def summary_of(settings: Settings) -> list[object]:
    with closing(open_store(settings.store_url)) as store:
        return list(select_rows(store, "SELECT * FROM evaluation_summary ORDER BY evaluation_id, decoding, model"))


def test_restored_home_has_all_but_secrets_and_verifies(filled: Settings, tmp_path: Path) -> None:
    made = back_up(filled, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0
    assert restore(elsewhere(tmp_path), tmp_path / "b.tar") == made
    restored = elsewhere(tmp_path)
    there = {path.relative_to(restored.home).as_posix() for path in restored.home.rglob("*") if path.is_file()}
    assert there >= {
        "feedback.db",
        "checkpoints/run/epoch-1/adapter.safetensors",
        "snapshots/a.parquet",
        "inbox/talk.txt",
    }
    assert not any(
        "token" in name or name.startswith((".", "prefect/")) or "lock" in name or "link" in name for name in there
    )
    assert summary_of(restored) == summary_of(filled)
    reports = sorted(restored.reports.glob("*.html"))
    assert reports
    assert all(verify_report(open_store(restored.store_url), report).agrees for report in reports)


def test_backup_beside_a_writer_is_of_one_moment(filled: Settings, store: Store, tmp_path: Path) -> None:
    """What an open transaction has written so far is not in it, and nobody waits for anybody."""
    with store.write() as connection:
        connection.execute(text("DELETE FROM evaluation_metric"))
        back_up(filled, tmp_path / "b.tar")
    restore(elsewhere(tmp_path), tmp_path / "b.tar")
    rows = select_rows(open_store(elsewhere(tmp_path).store_url), "SELECT count(*) AS n FROM evaluation_metric")
    assert rows[0]["n"] > 0
    assert select_rows(store, "SELECT count(*) AS n FROM evaluation_metric")[0]["n"] == 0


def test_postgresql_comes_along(
    settings: Settings, tmp_path: Path, postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(postgres_programs()), os.environ["PATH"]]))
    filled, empty = postgres_cluster.new_url(), postgres_cluster.new_url()
    postgres_cluster.create(filled)
    postgres_cluster.create(empty)
    one = Settings(home=settings.home, database_url=filled, _env_file=None)
    with closing(open_store(one.store_url)) as store:
        evaluate_filled(store)
    one.home.mkdir(parents=True, exist_ok=True)
    back_up(one, tmp_path / "b.tar")
    with pytest.raises(InputError, match="not empty; have it name an empty one"):
        restore(Settings(home=tmp_path / "x", database_url=one.database_url, _env_file=None), tmp_path / "b.tar")
    with pytest.raises(InputError, match="holds a PostgreSQL database, but FEEDBACK_DATABASE_URL names a SQLite one"):
        restore(elsewhere(tmp_path), tmp_path / "b.tar")
    assert not (tmp_path / "restored").exists()
    other = Settings(home=tmp_path / "restored", database_url=empty, _env_file=None)
    restore(other, tmp_path / "b.tar")
    assert summary_of(other) == summary_of(one)


def test_what_is_there_already_is_not_touched(filled: Settings, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b.tar")
    with pytest.raises(InputError, match="is there already"):
        back_up(filled, tmp_path / "b.tar")
    with pytest.raises(InputError, match="is not empty; point FEEDBACK_HOME"):
        restore(filled, tmp_path / "b.tar")
    with pytest.raises(InputError, match="lies in the home folder"):
        back_up(filled, filled.home / "b.tar")


def damaged(path: Path, change: Callable[[bytes], bytes]) -> Path:
    other = path.with_name("damaged.tar")
    other.write_bytes(change(path.read_bytes()))
    return other


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"PAR1", b"PAR2", 1),
        lambda content: b"no archive" + content,
        lambda content: b"",
        lambda content: content[:-2_048].rstrip(b"\0")[:-100] + b"\0" * 2_048,
    ],
)
def test_damaged_backup_is_refused_whole(filled: Settings, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    back_up(filled, tmp_path / "b.tar")
    with pytest.raises(InputError, match="damaged"):
        restore(elsewhere(tmp_path), damaged(tmp_path / "b.tar", change))
    assert sorted(path.name for path in tmp_path.iterdir() if "restor" in path.name) == []


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_backup_cannot_write_outside_of_the_home(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        for each, content in ((name, b"x"), (MANIFEST, b"{}")):
            member = tarfile.TarInfo(each)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    with pytest.raises(InputError, match="which no backup does"):
        restore(elsewhere(tmp_path), tmp_path / "b.tar")
    assert not (tmp_path / "outside").exists()


def test_there_is_no_half_backup(filled: Settings, tmp_path: Path) -> None:
    """Where it cannot be written to its end, nothing is left."""
    folder = tmp_path / "full"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(Exception, match="cannot be written"):
        back_up(filled, folder / "b.tar")
    assert list(folder.iterdir()) == []
