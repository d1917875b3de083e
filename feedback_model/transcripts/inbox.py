"""The inbox: a folder whose files are taken, landed, and then moved aside; what is refused gets a file beside it that says why.

Whoever may write into the inbox need not be trusted with what else this user can read, so links are not followed. A file is first
moved into a folder that only its owner can enter: nobody can put a link in its place between the look at it and its reading.
"""

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Final

SETTLED: Final = "landed"
"""Folder inside the inbox for files of which something was landed."""
TAKEN: Final = "taken"
"""For files that are being landed."""
REFUSED: Final = "refused"
"""For what cannot be landed."""
QUIET_SECONDS: Final = 2.0
"""A file younger than this may still be being written."""
_REASONS: Final = ".reasons.txt"
_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link, and links are not followed; put the file itself there",
    stat.S_IFDIR: "a folder; put the files in it there one by one, or run `feedback land` on it",
    stat.S_IFIFO: "a named pipe, and no file",
    stat.S_IFSOCK: "a socket, and no file",
    stat.S_IFCHR: "a device, and no file",
    stat.S_IFBLK: "a device, and no file",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a look into the inbox found."""

    files: tuple[Path, ...]
    """Now in a folder of their own, to be landed; also those that a look before had taken and nobody landed."""
    refused: tuple[str, ...]
    """A sentence for each thing that was set aside."""


def take_files(inbox: Path) -> Taken:
    """Take what lies in the inbox and nobody has written to for `QUIET_SECONDS`; hidden files stay.

    Raises:
        OSError: a folder of the inbox cannot be made or read.
    """
    taken = inbox / TAKEN
    inbox.mkdir(parents=True, exist_ok=True)
    taken.mkdir(mode=0o700, exist_ok=True)
    taken.chmod(0o700)
    refused: list[str] = []
    for path in sorted(_waiting(inbox)):
        place, reason = _take(path, taken)
        if reason:
            _move(place, inbox / REFUSED, [f"{path.name}: {reason}"])
            refused.append(f"{path.name} was set aside: it is {reason}")
    return Taken(tuple(sorted(path for path in taken.iterdir() if not path.name.startswith("."))), tuple(refused))


def _take(path: Path, taken: Path) -> tuple[Path, str | None]:
    """Move a file to where it is read; returns where it lies then, and why it is not to be read."""
    target = taken / path.name
    reason = _why_not(path)
    if reason or os.path.lexists(target):  # of that name one at a time
        return path, reason
    path.rename(target)
    return target, _why_not(target)  # it may have been exchanged meanwhile


def _waiting(inbox: Path) -> Iterator[Path]:
    newest = time.time() - QUIET_SECONDS
    with os.scandir(inbox) as entries:
        for entry in entries:
            own = entry.name in {SETTLED, TAKEN, REFUSED} and entry.is_dir(follow_symlinks=False)
            if not own and not entry.name.startswith(".") and entry.stat(follow_symlinks=False).st_mtime <= newest:
                yield Path(entry.path)


def _why_not(path: Path) -> str | None:
    """Say why something in the inbox is not read; None of a file that has this one name."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return _KINDS.get(stat.S_IFMT(found.st_mode), "no file")
    if found.st_nlink > 1:
        return "a file that has another name elsewhere (a hard link); put a copy there"
    return None


def settle(
    inbox: Path, files: Sequence[Path], refusals: Mapping[Path, Sequence[str]], unusable: Sequence[Path]
) -> None:
    """Move `files` out of the way of the next look.

    Args:
        refusals: sentences on what was refused in a file, which are put beside it.
        unusable: those of which nothing could be landed; they are kept apart.
    """
    for file in files:
        _move(file, inbox / (REFUSED if file in unusable else SETTLED), refusals.get(file, ()))


def reasons_beside(path: Path) -> Path:
    """Return the file that says what was refused of `path`, whether there is one or not."""
    return path.with_name(path.name + _REASONS)


def _move(path: Path, folder: Path, reasons: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    target = _free_name(folder, path)
    if reasons:  # before the file, which is what a look at the folder begins with
        reasons_beside(target).write_text("\n".join(reasons) + "\n", encoding="utf-8")
    path.rename(target)


def _free_name(folder: Path, path: Path) -> Path:
    """Return a path in `folder` whose name is not taken; a number before the suffix makes it so."""
    names = chain([path.name], (f"{path.stem}-{number}{path.suffix}" for number in count(2)))
    return next(folder / name for name in names if not os.path.lexists(folder / name))
