"""What augmentation was worth is measured in one command, and leaves the run it is about as it was."""

import json
from pathlib import Path

from tests.e2e.conftest import Installation

EMBEDDED = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1")


def test_training_without_rewrites_is_no_candidate(installation: Installation, transcripts: Path) -> None:
    """The training without rewrites is one more model and no candidate."""
    assert installation.run("run", "--input", str(transcripts), *EMBEDDED).returncode == 0
    decisions = "SELECT COUNT(*) FROM decision"
    decided = installation.count(decisions)

    proved = json.loads(installation.run("prove-augmentation", "--json").stdout)

    assert "real test transcripts" in proved["effect"]
    assert installation.count("SELECT COUNT(*) FROM evaluation_model WHERE model = 'unaugmented'") == 1
    assert installation.run("report", "verify", str(installation.home / "reports/latest.html")).returncode == 0
    assert json.loads(installation.run("evaluate", "--json").stdout)["evaluation_id"] != proved["evaluation_id"]
    assert installation.count(decisions) == decided
