"""The inbox: a folder whose files are landed and then moved aside."""

import time
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

SETTLED = "landed"  # folder inside the inbox for files that were landed
QUIET_SECONDS = 2.0  # a file younger than this may still be being written


def waiting_files(inbox: Path) -> list[Path]:
    """Files in the inbox that nobody has written to for `QUIET_SECONDS`, in order of name; hidden files stay."""
    inbox.mkdir(parents=True, exist_ok=True)
    newest = time.time() - QUIET_SECONDS
    files = (path for path in inbox.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in files if path.stat().st_mtime <= newest)


def settle(inbox: Path, files: Sequence[Path]) -> None:
    """Move landed `files` to `inbox/landed`; a file whose name is taken there gets a number before its suffix."""
    folder = inbox / SETTLED
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        file.replace(_free_name(folder, file))


def _free_name(folder: Path, file: Path) -> Path:
    names = chain([file.name], (f"{file.stem}-{number}{file.suffix}" for number in count(2)))
    return next(folder / name for name in names if not (folder / name).exists())
