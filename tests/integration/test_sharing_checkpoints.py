"""The place that machines share checkpoints in: filled by command, and part of backups."""

import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from feedback_model.errors import ModelError
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.training import checkpoints_of
from feedback_model.training.all_checkpoints import share_all
from feedback_model.training.checkpoints import verified_folder
from tests.evaluated_run import RUN, Evaluated, evaluate_larger, open_evaluated, put_adapters


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEEDBACK_SHARED_CHECKPOINTS", str(tmp_path / "place"))
    return tmp_path / "place"


@pytest.fixture
def evaluated(store_with: Any, settings: Settings) -> Evaluated:
    made = open_evaluated(store_with, evaluate_larger)
    put_adapters(made.store, settings.home)
    return made


@pytest.fixture
def store(evaluated: Evaluated) -> Store:
    return evaluated.store


def run_command(*words: str, home: Path, monkeypatch: pytest.MonkeyPatch, store: Store) -> str:
    monkeypatch.setenv("FEEDBACK_HOME", str(home))
    monkeypatch.setenv("FEEDBACK_DATABASE_URL", store.engine.url.render_as_string(hide_password=False))
    return CliRunner().invoke(app, words, catch_exceptions=False).output


def test_share_puts_what_was_made_before(
    store: Store, settings: Settings, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but what is not whole here."""
    (settings.home / "checkpoints" / RUN / "epoch-1" / "adapter_model.safetensors").write_bytes(b"other weights")
    told = run_command("share", home=settings.home, monkeypatch=monkeypatch, store=store)
    assert "2 checkpoints of" in told
    one, two, _ = checkpoints_of(store, RUN)
    assert verified_folder(tmp_path / "other", two).is_dir()
    with pytest.raises(ModelError, match="epoch-1 is gone, and as to the shared place"):
        verified_folder(tmp_path / "other", one)


def test_a_backup_holds_what_is_shared(
    store: Store, settings: Settings, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a machine that has none of it."""
    share_all(store, settings.home)
    run_command("backup", str(tmp_path / "b.tar"), home=tmp_path / "other", monkeypatch=monkeypatch, store=store)
    with tarfile.open(tmp_path / "b.tar") as archive:
        weights = [name for name in archive.getnames() if name.endswith(".safetensors")]
    assert len(weights) == 3
