"""The tutorial works from its first command to its last."""

from pathlib import Path

import pytest

from tests.documented_blocks import runnable
from tests.scratch_shell import ScratchShell


@pytest.mark.timeout(1800)  # it trains for three epochs, which a busy machine makes long
def test_tutorial_works(tmp_path: Path) -> None:
    shown = ScratchShell(tmp_path).run(*runnable("bash", only="docs/tutorial.md"))
    assert "of 20 answers are valid" in shown
    assert '"filler_words"' in shown
    assert "3 accepted" in shown
