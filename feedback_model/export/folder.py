"""Folders written whole or not at all: filled beside their place, checked in by a manifest, then moved there at once."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from feedback_model.errors import ConfigurationError, InputError
from feedback_model.model_cache import sha256_of
from feedback_model.records.exports import ExportedFile, ExportManifest

MANIFEST: Final = "manifest.json"
_WRITER: Final = "feedback export"


@contextmanager
def new_folder(out: Path, *, again: bool = False) -> Generator[Path]:
    """Give an empty folder to fill; when the block ends it stands at `out`, and if the block fails nothing is left.

    A process that is killed inside the block leaves a hidden folder beside `out`, which the next one removes.

    Args:
        again: replace an export that stands there.

    Raises:
        InputError: something stands there that may not be replaced.
        ConfigurationError: the disk is full or refuses to write.
    """
    out = out.expanduser().resolve()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(out)
        _check_place(out, again=again)
        draft = Path(tempfile.mkdtemp(prefix=f"{_hidden(out)}partial-", dir=out.parent))
        with _held(draft):
            try:
                yield draft
                _publish(draft, out, again=again)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(
            f"the export {out} could not be written ({error.strerror or error}) and nothing was left there: make room, or "
            "give --out a folder elsewhere"
        ) from error


def _check_place(out: Path, *, again: bool) -> None:
    """Refuse a place where something stands that is not ours to replace.

    Raises:
        InputError: says what stands there.
    """
    if out.is_mount():
        raise InputError(
            f"{out} is a mount point, which no folder can take the place of; give --out a folder inside it"
        )
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give --out a folder that does not exist yet")
    if out.exists():
        _check_standing(out, again=again)


def _check_standing(out: Path, *, again: bool) -> None:
    standing = read_manifest(out)
    if standing is None:
        raise InputError(f"{out} holds something else than an export; give --out a folder that does not exist yet")
    listed = {MANIFEST, *(file["name"] for file in standing["files"])}
    added = sorted(str(path.relative_to(out)) for path in out.rglob("*") if str(path.relative_to(out)) not in listed)
    if added:
        raise InputError(f"{out} holds an export and {added[0]} beside it, which --again would remove; move it first")
    if not again:
        raise InputError(
            f"{out} holds the export {standing['name']} already; replace it with --again, or give another --out"
        )


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of an exported folder; None where it is no such folder."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return found if found["written_by"] == _WRITER and isinstance(found["files"], list) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_manifest(folder: Path, manifest: ExportManifest) -> ExportManifest:
    """Write the manifest of `folder` with the hashes of all its files, and return it with them."""
    names = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    files = tuple(ExportedFile(path.name, path.stat().st_size, sha256_of(path)) for path in names)
    complete = replace(manifest, files=files)
    written = {"written_by": _WRITER, **asdict(complete)}
    (folder / MANIFEST).write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return complete


def _hidden(out: Path) -> str:
    return f".{out.name}."


@contextmanager
def _held(draft: Path) -> Generator[None]:
    """Hold a lock on a folder for as long as its writer lives, however that ends."""
    folder = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _clear_leftovers(out: Path) -> None:
    """Remove what killed processes left, and put back what one had moved aside and not replaced yet."""
    for aside in out.parent.glob(f"{_hidden(out)}replaced-*"):
        if not out.exists():
            aside.replace(out)
        shutil.rmtree(aside, ignore_errors=True)
    for draft in out.parent.glob(f"{_hidden(out)}partial-*"):
        if not _is_held(draft):
            shutil.rmtree(draft, ignore_errors=True)


def _is_held(draft: Path) -> bool:
    folder = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(folder)
    return False


def _publish(draft: Path, out: Path, *, again: bool) -> None:
    """Move a filled folder to its place once all of it has reached the disk, if nothing has been put there meanwhile."""
    draft.chmod(0o755)  # readable for whoever serves it; temporary folders are not
    for path in (*draft.iterdir(), draft):
        _flush(path)
    _check_place(out, again=again)
    aside = draft.with_name(draft.name.replace("partial-", "replaced-"))
    if again and read_manifest(out) is not None:
        out.replace(aside)
    try:
        draft.replace(out)
    except OSError:
        with suppress(OSError):
            aside.replace(out)
        raise
    _flush(out.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
