"""Which code is running: the commit where there is one, else the version of the installed package."""

import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def code_commit() -> str:
    """Return the commit this code was started from, with `+changes` where files differ from it; else the package's version."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return metadata.version("feedback-model")
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=+changes", "--abbrev=40", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return metadata.version("feedback-model")
    return described.stdout.strip()
