"""The containers, for real, where there is an engine to run them."""

import os
import shutil
import subprocess

import pytest

from tests.documented_blocks import ROOT


def engine() -> str:
    """Say what is missing; empty where nothing is."""
    if not os.environ.get("TRY_CONTAINERS"):
        return "TRY_CONTAINERS is not set, and it fetches and builds gigabytes"
    if not shutil.which("docker"):
        return "Docker is not installed"
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return "" if asked.returncode == 0 else "no Docker daemon answers"


@pytest.mark.timeout(3_600)
def test_upgraded_stack_keeps_its_data() -> None:
    """Build, start, land, retrain, stop, change, build and start again on the same volumes."""
    if reason := engine():
        pytest.skip(f"{reason}: docker/trial was not run")
    tried = subprocess.run([ROOT / "docker" / "trial"], env=os.environ, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert tried.stdout.endswith("everything held\n")
