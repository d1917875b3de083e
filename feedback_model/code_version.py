"""Version of the running code: the commit where one is known, else that of the installed package."""

import os
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def code_commit() -> str:
    """Return the commit this code was started from, with `+changes` where files differ from it; else the package's version.

    An image has no repository; its build writes the commit into its environment.
    """
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return os.environ.get("FEEDBACK_CODE_COMMIT") or metadata.version("feedback-model")
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
