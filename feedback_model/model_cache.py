"""Models that are made on this machine: built once in the user's cache, whole or not at all, whoever else builds them too."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from feedback_model.errors import ConfigurationError

ABANDONED: Final = 3600
"""Seconds after which an unfinished folder counts as left by a build that was killed; a build takes minutes."""
_MANIFEST: Final = "manifest.json"


def cache_folder() -> Path:
    """Return the folder of made models in the user's cache; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feedback-model"


def build_once(folder: Path, what: str, build: Callable[[Path], None], is_complete: Callable[[Path], bool]) -> None:
    """Have `build` fill `folder`, unless it is complete; one that is not is replaced.

    Args:
        what: the model, for messages.
        build: writes everything into the empty folder that it is given.
        is_complete: tells whether a folder holds all that `build` writes.

    Raises:
        ConfigurationError: the cache cannot be written.
        Interrupted: a stop was requested; nothing is left.
    """
    if is_complete(folder):
        return
    try:
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _clear_abandoned(folder)
        workshop = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ConfigurationError(
            f"{what} cannot be kept in {folder.parent} ({error.strerror}): make it writable or set XDG_CACHE_HOME"
        ) from error
    try:
        build(workshop)
        _publish(workshop, folder, is_complete)
    except OSError as error:
        raise ConfigurationError(
            f"{what} could not be written to {folder} ({error.strerror or error}): make room, remove that folder, or set "
            "XDG_CACHE_HOME"
        ) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _clear_abandoned(folder: Path) -> None:
    for workshop in folder.parent.glob(f".{folder.name}-*"):
        with suppress(FileNotFoundError):  # another builder was faster
            if time.time() - workshop.stat().st_mtime > ABANDONED:
                shutil.rmtree(workshop, ignore_errors=True)


def _publish(workshop: Path, folder: Path, is_complete: Callable[[Path], bool]) -> None:
    """Move the finished folder into place; whoever comes second keeps the first one's."""
    if is_complete(folder):
        return
    damaged = workshop.with_name(f"{workshop.name}-damaged")
    try:
        if folder.exists():
            folder.replace(damaged)
        workshop.replace(folder)
    except OSError:
        if not is_complete(folder):
            raise
    finally:
        shutil.rmtree(damaged, ignore_errors=True)


def write_manifest(folder: Path) -> None:
    """Note size, time and hash of every file in `folder`, for `is_whole`."""
    listed = {
        file.name: {"size": file.stat().st_size, "written_ns": file.stat().st_mtime_ns, "sha256": sha256_of(file)}
        for file in sorted(folder.iterdir())
    }
    (folder / _MANIFEST).write_text(json.dumps(listed, indent=2), encoding="utf-8")


def is_whole(folder: Path) -> bool:
    """Compare a folder with its manifest; a file that has the size and time of when it was written is not read again."""
    try:
        listed = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return all(_is_as_written(folder / name, **written) for name, written in listed.items())
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _is_as_written(file: Path, size: int, written_ns: int, sha256: str) -> bool:
    found = file.stat()
    return found.st_size == size and (found.st_mtime_ns == written_ns or sha256_of(file) == sha256)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
