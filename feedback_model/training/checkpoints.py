"""Adapters on disk: published complete or not at all, and never over other weights. Paths are relative to the home folder.

Where machines share no home folder, each adapter lies in the shared place, too, under the hash of its weights. What a home lacks
is fetched from there when it is used; the hash in the database decides what is used.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from feedback_model.errors import ModelError
from feedback_model.records.training import Checkpoint, epoch_folder, run_folder
from feedback_model.shared_place import Damaged, SharedPlace, shared_place

WEIGHTS_FILE: Final = "adapter_model.safetensors"
SHARED_FILES: Final = ("adapter_config.json", WEIGHTS_FILE, "README.md")
"""Files of an adapter that are put into the shared place and taken from there: no other, since a pickle may run code."""

_MADE_AGAIN: Final = (
    "run `feedback train` to make it again (`feedback champion rollback` goes back to another, if it is the champion's)"
)
PRUNED: Final = ".pruned"
"""Note in a run's folder that housekeeping deleted its adapters, and when; the next training of that run takes it away."""


def mark_pruned(home: Path, run_id: str) -> None:
    """Note that a run's adapters are about to be deleted, here and in the shared place, so that who asks for one is told."""
    note = home / _note_name(run_id)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(datetime.now(UTC).date().isoformat(), encoding="ascii")
    if (place := shared_place()) is not None:
        place.put(note, _note_name(run_id))


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

    Where this home has none, or another, it is fetched from the shared place, if there is one.

    Raises:
        ModelError: it is gone, or it is not the same, here and there.
        ConfigurationError: the shared place cannot be used, or does not answer (SourceUnreachable).
    """
    folder, wrong = find_checkpoint(home, checkpoint), None
    if folder is not None:
        wrong = _why_unusable(folder, checkpoint)
        if wrong is None:
            return folder
    place = shared_place()
    if place is not None:
        return _fetch(place, home, checkpoint, wrong)
    raise ModelError(f"{wrong}; run `feedback train --again`" if wrong else _why_gone(home, checkpoint))


def _why_unusable(folder: Path, checkpoint: Checkpoint) -> str | None:
    """Say what is wrong with the adapter in `folder`; None where it is the one that the store knows."""
    try:
        found = hash_adapter(folder)
    except OSError as error:
        return f"the checkpoint {folder} cannot be read: {error.strerror}"
    return None if found == checkpoint.adapter_sha else f"the weights in {folder} are not those the store knows"


def _fetch(place: SharedPlace, home: Path, checkpoint: Checkpoint, wrong: str | None) -> Path:
    """Bring an adapter from the shared place into this home, under a name that no other adapter has."""
    target = home / _own_folder(checkpoint)
    try:
        is_there = place.fetch_folder(_shared_name(checkpoint), target, SHARED_FILES)
        there = _why_unusable(target, checkpoint) if is_there else "it has none"
    except Damaged as damaged:
        there = str(damaged)
    except OSError as error:
        raise ModelError(f"the checkpoint {target} cannot be written: {error.strerror or error}; make room") from error
    if there is None:
        return target
    if note := place.read(_note_name(checkpoint.run_id)):
        raise ModelError(_pruned(checkpoint, note.decode("ascii", "replace")))
    here = wrong or f"the checkpoint {home / checkpoint.path} is gone"
    raise ModelError(f"{here}, and as to the shared place {place.url}, {there}; {_MADE_AGAIN}")


def share_checkpoint(home: Path, checkpoint: Checkpoint, *, is_new: bool) -> None:
    """Put an adapter of this home into the shared place, if there is one.

    Args:
        is_new: it was made just now, and replaces whatever lies there under its name; else it is put where that is not whole.

    Raises:
        ConfigurationError: the place cannot be used, or does not answer (SourceUnreachable).
    """
    place, name = shared_place(), _shared_name(checkpoint)
    folder = home / checkpoint.path if is_new else find_checkpoint(home, checkpoint)
    if place is None or folder is None or (not is_new and place.has_folder(folder, name, SHARED_FILES)):
        return
    place.put_folder(folder, name, SHARED_FILES)
    place.remove(_note_name(checkpoint.run_id))


def is_kept(home: Path, checkpoint: Checkpoint) -> bool:
    """Tell whether an adapter lies in this home; what it lacks is fetched first, if the shared place has it whole.

    Raises:
        ConfigurationError: the place cannot be used, or does not answer (SourceUnreachable).
    """
    if find_checkpoint(home, checkpoint) is None and shared_place() is not None:
        with suppress(ModelError):
            verified_folder(home, checkpoint)
    return find_checkpoint(home, checkpoint) is not None


def _own_folder(checkpoint: Checkpoint) -> Path:
    return set_aside_folder(checkpoint.run_id, checkpoint.epoch, checkpoint.adapter_sha)


def _shared_name(checkpoint: Checkpoint) -> str:
    return _own_folder(checkpoint).as_posix()


def _note_name(run_id: str) -> str:
    return (run_folder(run_id) / PRUNED).as_posix()


def _why_gone(home: Path, checkpoint: Checkpoint) -> str:
    note = home / _note_name(checkpoint.run_id)
    if note.is_file():
        return _pruned(checkpoint, note.read_text(encoding="ascii"))
    return f"the checkpoint {home / checkpoint.path} is gone; {_MADE_AGAIN}"


def _pruned(checkpoint: Checkpoint, day: str) -> str:
    return (
        f"epoch-{checkpoint.epoch} of training run {checkpoint.run_id} was pruned by `feedback housekeeping` on {day}; "
        "`feedback train` with the same recipe (view `recipes`) makes it again, as long as the labels are the same; "
        "FEEDBACK_KEEP_RUNS says how many runs are kept"
    )
