"""`feedback demo --real` asks for what it needs before it does anything, and ends with the way on."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from deployments.cli import demo
from feedback_model.errors import ConfigurationError, InputError
from feedback_model.settings import Settings


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FEEDBACK_HOME", "FEEDBACK_DATABASE_URL"):  # so that what the command sets is undone
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    return settings.home


def test_a_missing_base_is_told_before_labelling(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "REAL_BASE", str(home / "absent"))
    with pytest.raises(ConfigurationError, match="absent"):
        demo.demo(real=True)
    assert list((home / "demo-real").iterdir()) == []


def test_a_number_of_real_transcripts_is_refused(home: Path) -> None:
    with pytest.raises(InputError, match="--transcripts"):
        demo.demo(transcripts=400, real=True)
    assert not home.exists()


@pytest.mark.parametrize("called", ["/somewhere/.venv/bin/feedback", ".venv/bin/feedback", "feedback"])
def test_last_line_is_a_command_to_paste(called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [called, "demo", "--real"])
    line = demo._score_command(Path("/a home/demo-real"), elsewhere=False)
    assert shlex.split(line) == ["FEEDBACK_HOME=/a home/demo-real", called, "score", "my-talk.txt"]


def test_last_line_puts_another_database_aside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that the search path finds goes by its name, and the demo's database is the one it opens."""
    command = tmp_path / "feedback"
    command.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "argv", [str(command)])
    line = demo._score_command(Path("/home"), elsewhere=True)
    assert line == "FEEDBACK_HOME=/home FEEDBACK_DATABASE_URL= feedback score my-talk.txt"
