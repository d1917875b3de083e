"""The inbox: a folder whose files are taken, landed, and then kept aside; what is refused gets a file beside it that says why.

Whoever may write into the inbox need not be trusted with what else this user can read or write. So what lies there is moved to a
folder that only this user can enter, under a name that does no harm, before anything is read, and links are not followed. What
cannot be moved keeps nothing else from being landed.
"""

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Final

from feedback_model.settings import Settings

QUIET_SECONDS: Final = 2.0
"""A file younger than this may still be being written."""
_REASONS: Final = ".reasons.txt"
_LONGEST_NAME: Final = (
    200  # bytes; with a number and the ending of its reasons it stays below the 255 that file systems take
)
_UNWANTED: Final = re.compile(r"[\x00-\x1f\x7f\ufffd/]")
_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link, and links are not followed; put the file itself there",
    stat.S_IFDIR: "a folder; put the files in it there one by one, or run `feedback land` on it",
    stat.S_IFIFO: "a named pipe, and no file",
    stat.S_IFSOCK: "a socket, and no file",
    stat.S_IFCHR: "a device, and no file",
    stat.S_IFBLK: "a device, and no file",
}


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where files are dropped, and where they go."""

    dropped: Path
    """Others may write there."""
    kept: Path
    """For this user alone."""

    @property
    def taken(self) -> Path:
        """Files that are being landed."""
        return self.kept / "taken"

    @property
    def landed(self) -> Path:
        """Files of which something was landed."""
        return self.kept / "landed"

    @property
    def refused(self) -> Path:
        """What could not be landed."""
        return self.kept / "refused"


def inbox_of(settings: Settings) -> Inbox:
    """Return the inbox of a home folder."""
    return Inbox(settings.inbox, settings.from_inbox)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a look into the inbox found."""

    files: tuple[Path, ...]
    """To be landed; also those that a look before had taken and nobody landed."""
    refused: tuple[str, ...]
    """A sentence for each thing that was set aside, or could not be."""


def take_files(inbox: Inbox) -> Taken:
    """Take what lies in the inbox and nobody has written to for `QUIET_SECONDS`; hidden files stay.

    Raises:
        OSError: a folder cannot be made or read.
    """
    make_folders(inbox)
    refused: list[str] = []
    for path in sorted(_waiting(inbox.dropped)):
        try:
            reason = _take(inbox, path)
        except OSError as error:  # of another user, perhaps: it stays, and the others are taken
            reason = f"cannot be moved ({error.strerror}); make it yours, or take it away"
        if reason:
            refused.append(f"{_harmless(path.name)} in the inbox {reason}")
    files = (path for path in inbox.taken.iterdir() if _why_not(path) is None and not path.name.startswith("."))
    return Taken(tuple(sorted(files)), tuple(refused))


def make_folders(inbox: Inbox) -> None:
    """Make the folders of `inbox` that are not there yet.

    Raises:
        OSError: that cannot be done.
    """
    inbox.dropped.mkdir(parents=True, exist_ok=True)
    for folder in (inbox.kept, inbox.taken, inbox.landed, inbox.refused):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _waiting(folder: Path) -> Iterator[Path]:
    newest = time.time() - QUIET_SECONDS
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if not entry.name.startswith(".") and entry.stat(follow_symlinks=False).st_mtime <= newest:
                    yield Path(entry.path)


def _take(inbox: Inbox, path: Path) -> str | None:
    """Move what was dropped to where it is read, or to what was refused; returns why it is not read."""
    place = free_place(inbox.taken, path.name)
    path.rename(place)
    reason = _why_not(place)  # looked at where nobody can exchange it any more
    if reason is None:
        return None
    _put_aside(place, inbox.refused, [f"{place.name}: it is {reason}"])
    return f"was set aside: it is {reason}"


def _why_not(path: Path) -> str | None:
    """Say why something is not read; None of a file that has this one name."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return _KINDS.get(stat.S_IFMT(found.st_mode), "no file")
    if found.st_nlink > 1:
        return "a file that has another name elsewhere (a hard link); put a copy there"
    return None


def settle(
    inbox: Inbox, files: Sequence[Path], refusals: Mapping[Path, Sequence[str]], unusable: Sequence[Path]
) -> None:
    """Move `files` out of the way of the next look.

    Args:
        refusals: sentences on what was refused in a file, which are put beside it.
        unusable: those of which nothing could be landed; they are kept apart.
    """
    for file in files:
        if file.exists():  # a call before this one may have been cut off
            _put_aside(file, inbox.refused if file in unusable else inbox.landed, refusals.get(file, ()))


def reasons_beside(path: Path) -> Path:
    """Return the file that says what was refused of `path`, whether there is one or not."""
    return path.with_name(path.name + _REASONS)


def _put_aside(path: Path, folder: Path, reasons: Sequence[str]) -> None:
    place = free_place(folder, path.name)
    if reasons:  # before the file, so that none is there without them
        reasons_beside(place).write_text("\n".join(reasons) + "\n", encoding="utf-8", errors="replace")
    path.rename(place)


def free_place(folder: Path, name: str) -> Path:
    """Return a path in `folder` that is not taken, nor what would be said of it; a number before the suffix makes it so."""
    wanted = Path(_harmless(name))
    names = chain([wanted.name], (f"{wanted.stem}-{number}{wanted.suffix}" for number in count(2)))
    places = (folder / each for each in names)
    return next(each for each in places if not os.path.lexists(each) and not os.path.lexists(reasons_beside(each)))


def _harmless(name: str) -> str:
    """Return a file's name in UTF-8, without what terminals and databases stumble over, and short enough for an ending."""
    text = _UNWANTED.sub("_", os.fsencode(name).decode("utf-8", "replace"))
    suffix = Path(text).suffix[:20]
    stem = text.removesuffix(suffix).encode()[: _LONGEST_NAME - len(suffix.encode())].decode("utf-8", "ignore")
    return f"{stem}{suffix}"
