"""Two hosts leave what one process leaves, though one of them vanishes while both ask models, and comes back."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from feedback_model.demo.speech import write_demo_input
from tests.chaos.outcome import Outcome, read_outcome
from tests.databases import postgres_programs
from tests.hosts.network import missing
from tests.hosts.trial import LANDED, SEED
from tests.local_service import clean_environment

DOCUMENTS, AWAY = 200, 20
HANGS = 1_200.0

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
    pytest.mark.skipif(postgres_programs() is None, reason="PostgreSQL was not found: install postgresql"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="Redis was not found: install redis-server"),
]


def by_one_process(home: Path) -> Outcome:
    write_demo_input(home.parent / LANDED, DOCUMENTS, SEED)
    told = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1", "--augmentation-share", "0")
    for words in (("land", str(home.parent / LANDED)), ("run", *told)):
        command = [sys.executable, "-m", "deployments.cli", *words]
        subprocess.run(command, env=clean_environment(home), check=True, capture_output=True, timeout=HANGS)
    return read_outcome(f"sqlite:///{home / 'feedback.db'}")


def test_a_vanished_host_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.hosts", str(DOCUMENTS), str(AWAY)]
    found = subprocess.run(command, capture_output=True, check=True, timeout=HANGS)
    assert json.loads(found.stdout) == asdict(by_one_process(tmp_path / "home"))
