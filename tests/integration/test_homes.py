"""Home folders as people have them: names with any character, read-only ones, links that lead nowhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.cli.options import load_settings
from feedback_model.errors import ConfigurationError
from feedback_model.settings import Settings
from feedback_model.store.connection import open_store
from tests.evaluated_run import evaluate_filled
from tests.local_service import clean_environment

READ_ONLY = 'mount --bind "$FEEDBACK_HOME" "$FEEDBACK_HOME" && mount -o remount,ro,bind "$FEEDBACK_HOME" && exec "$@"'


def run_read_only(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to which `home` is read-only, for root too."""
    command = [sys.executable, "-m", "deployments.cli.app", *arguments]
    if os.geteuid() == 0:
        command = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", *command]
    else:
        home.chmod(0o555)
    return subprocess.run(command, env=clean_environment(home), capture_output=True, text=True, check=False)


@pytest.fixture
def evaluated_home(settings: Settings) -> Path:
    """A home with results, which nobody has open."""
    if (
        os.geteuid() == 0
        and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("root may write anywhere, and this system lets it make no read-only mount (unshare)")
    store = open_store(settings.store_url)
    evaluate_filled(store)
    store.close()
    return settings.home


@pytest.mark.parametrize(
    "asked", [("results",), ("results", "sql", "SELECT COUNT(*) FROM evaluation_summary"), ("champion", "history")]
)
def test_results_are_read_from_a_read_only_home(asked: tuple[str, ...], evaluated_home: Path) -> None:
    ended = run_read_only(evaluated_home, *asked)
    assert ended.returncode == 0, ended.stderr
    assert not list(evaluated_home.glob("*-wal"))


def test_writing_to_a_read_only_home_is_one_sentence(evaluated_home: Path) -> None:
    ended = run_read_only(evaluated_home, "label", "--labeller", "embedded")
    assert ended.returncode == 1
    assert ended.stderr.count("error: ") == ended.stderr.count("\n") == 1
    assert "cannot be written (Read-only file system)" in ended.stderr or "(Permission denied)" in ended.stderr


@pytest.mark.parametrize("place", ["", "sub/folder"])
def test_home_that_is_a_dangling_link_is_told(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "not-mounted")
    monkeypatch.setenv("FEEDBACK_HOME", str(tmp_path / "link" / place))
    with pytest.raises(
        ConfigurationError, match=r"link is a link to .*not-mounted, which is not there; make that folder"
    ):
        load_settings()
    assert not (tmp_path / "not-mounted").exists()


@pytest.mark.parametrize("name", ["what?", "a#b", "a b", "100%25", "a?mode=ro"])
def test_any_name_of_a_home_has_its_database(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / name
    monkeypatch.setenv("FEEDBACK_HOME", str(home))
    store = open_store(load_settings().store_url)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM lease")
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (home / "feedback.db").exists()


def run_openly(home: Path, *arguments: str) -> None:
    """Run a command that lets others read what it makes, as most people's do."""
    command = ["sh", "-c", 'umask 022; exec "$@"', "sh", sys.executable, "-m", "deployments.cli.app", *arguments]
    subprocess.run(command, env=clean_environment(home), capture_output=True, check=True)


def test_home_that_others_may_pass_is_closed_inside(tmp_path: Path) -> None:
    home, talk = tmp_path / "home", tmp_path / "talk.txt"
    home.mkdir(mode=0o711)
    (home / "reports").mkdir(mode=0o777)  # as an earlier version left it
    (home / "inbox").mkdir()
    (home / "inbox").chmod(0o1733)
    talk.write_text("Some words that nobody else is to read, said once more. " * 5)
    run_openly(home, "land", str(talk))
    open_to_others = [path.name for path in home.iterdir() if path.stat().st_mode & 0o077]
    assert open_to_others == ["inbox"]


def test_results_for_others_keep_the_users_permissions(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        load_settings(writes_elsewhere=True)
        (tmp_path / "given").touch()
        load_settings()
        (tmp_path / "kept").touch()
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("given", "kept")] == [0o644, 0o600]
