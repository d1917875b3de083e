"""Adapters on disk: published complete or not at all, and never over other weights. Paths are relative to the home folder."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from feedback_model.errors import ModelError
from feedback_model.records.training import Checkpoint, epoch_folder, run_folder

WEIGHTS_FILE: Final = "adapter_model.safetensors"


PRUNED: Final = ".pruned"
"""Note in a run's folder that housekeeping deleted its adapters, and when; the next training of that run takes it away."""


def mark_pruned(home: Path, run_id: str) -> None:
    """Note that a run's adapters are about to be deleted, so that who asks for one is told."""
    (home / run_folder(run_id) / PRUNED).write_text(datetime.now(UTC).date().isoformat(), encoding="ascii")


def set_aside_folder(run_id: str, epoch: int, adapter_sha: str) -> Path:
    """Name the folder for an adapter that a later training of the same run replaced: it may be in use."""
    return run_folder(run_id) / f"epoch-{epoch}-{adapter_sha[:12]}"


def publish(
    home: Path, run_id: str, epoch: int, save: Callable[[Path], str], present_sha: str | None
) -> tuple[str, str]:
    """Let `save` write an adapter into a folder beside its place, then move it there at once.

    Args:
        save: writes the files into a folder and returns the hash of the weights.
        present_sha: hash of the adapter that the store knows under this epoch, if there is one.

    Returns:
        The adapter's path relative to `home`, and its hash.
    """
    place = home / epoch_folder(run_id, epoch)
    place.parent.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix=f".epoch-{epoch}-", dir=place.parent))
    try:
        adapter_sha = save(written)
        _make_room(home, run_id, epoch, present_sha, adapter_sha)
        written.replace(place)
    finally:
        shutil.rmtree(written, ignore_errors=True)
    return str(epoch_folder(run_id, epoch)), adapter_sha


def _make_room(home: Path, run_id: str, epoch: int, present_sha: str | None, new_sha: str) -> None:
    place = home / epoch_folder(run_id, epoch)
    if present_sha not in (None, new_sha) and place.is_dir():
        aside = home / set_aside_folder(run_id, epoch, str(present_sha))
        if not aside.exists():
            place.replace(aside)
    shutil.rmtree(place, ignore_errors=True)


def clear_leftovers(home: Path, run_id: str) -> None:
    """Remove what a killed process was still writing; only for whoever holds the run's lease."""
    for leftover in (home / run_folder(run_id)).glob(".*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def find_checkpoint(home: Path, checkpoint: Checkpoint) -> Path | None:
    """Return the folder that holds a checkpoint's adapter; None if it is gone."""
    aside = set_aside_folder(checkpoint.run_id, checkpoint.epoch, checkpoint.adapter_sha)
    for folder in (home / aside, home / checkpoint.path):
        if folder.is_dir():
            return folder
    return None


def hash_adapter(folder: Path) -> str:
    """32 hex digits naming the weights of the adapter in `folder`."""
    with (folder / WEIGHTS_FILE).open("rb") as weights:
        return hashlib.file_digest(weights, "sha256").hexdigest()[:32]


def verified_folder(home: Path, checkpoint: Checkpoint) -> Path:
    """Return the folder that holds a checkpoint's adapter, its weights being those that the store knows.

    Raises:
        ModelError: it is gone, or it is not the same.
    """
    folder = find_checkpoint(home, checkpoint)
    if folder is None:
        raise ModelError(_why_gone(home, checkpoint))
    try:
        found = hash_adapter(folder)
    except OSError as error:
        raise ModelError(
            f"the checkpoint {folder} cannot be read: {error.strerror}; run `feedback train --again`"
        ) from error
    if found != checkpoint.adapter_sha:
        raise ModelError(f"the weights in {folder} are not those the store knows; run `feedback train --again`")
    return folder


def _why_gone(home: Path, checkpoint: Checkpoint) -> str:
    pruned = home / run_folder(checkpoint.run_id) / PRUNED
    if pruned.is_file():
        return (
            f"epoch-{checkpoint.epoch} of training run {checkpoint.run_id} was pruned by `feedback housekeeping` on "
            f"{pruned.read_text(encoding='ascii')}; `feedback train` with the same recipe (view `recipes`) makes it again, as "
            "long as the labels are the same; FEEDBACK_KEEP_RUNS says how many runs are kept"
        )
    return (
        f"the checkpoint {home / checkpoint.path} is gone; run `feedback train` to make it again "
        "(`feedback champion rollback` goes back to another, if it is the champion's)"
    )
