"""A folder in which documented commands run as a reader would type them."""

import os
import subprocess
import sys
from pathlib import Path

from tests.documented_blocks import ROOT, Block

COMMAND = f"""#!/bin/sh
exec {sys.executable} -m deployments.cli "$@"
"""


class ScratchShell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "feedback").write_text(COMMAND)
        (programs / "feedback").chmod(0o755)
        ours = ("FEEDBACK_", "OPENAI_", "WANDB_", "PREFECT_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = f"{programs}:{Path(sys.executable).parent}:{kept['PATH']}"
        own = {"PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}
        self.environment = kept | own | {"FEEDBACK_HOME": str(folder / ".feedback")}

    def run(self, *commands: Block) -> str:
        """Run blocks one after the other in one shell; returns what they printed. None of them may fail."""
        if commands[0].language == "python":
            command = [sys.executable, "-W", "error", "-c", commands[0].code]
        else:
            command = ["bash", "-euo", "pipefail", "-c", "\n".join(block.code for block in commands)]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commands[0]}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr
