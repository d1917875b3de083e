"""Two hosts leave what one process leaves, whatever befalls them while both ask models."""

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

DOCUMENTS = 400  # so that both hosts ask models for a while at once
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


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return by_one_process(tmp_path_factory.mktemp("alone") / "home")


@pytest.mark.parametrize("fault", [("away", "20"), ("redis",)], ids=lambda fault: fault[0])
def test_disturbed_hosts_leave_the_same(fault: tuple[str, ...], expected: Outcome) -> None:
    command = [sys.executable, "-m", "tests.hosts", str(DOCUMENTS), *fault]
    found = subprocess.run(command, capture_output=True, check=False, timeout=HANGS)
    assert found.returncode == 0, found.stderr.decode()
    assert json.loads(found.stdout) == asdict(expected)


def test_two_hosts_share_one_rate_limit() -> None:
    """Two that did not would have half of their requests refused."""
    command = [sys.executable, "-m", "tests.hosts.labelling", "400", "1200"]
    found = subprocess.run(command, capture_output=True, check=False, timeout=HANGS)
    assert found.returncode == 0, found.stderr.decode()
    seen = json.loads(found.stdout)
    assert (seen["charged"], seen["bought twice"]) == (400, 0)
    assert seen["refused"] <= 0.02 * seen["requests"]
