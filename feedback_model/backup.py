"""A home folder and its database as one file: made while everything runs, put back into an empty place.

The file is a plain tar archive. The database is copied first, as it is at one moment, and then the files, so that what the copy
names is there. A manifest at the end has the size and SHA-256 of every member. Secrets (`prefect/token`, `serve/token`) and what
only tells of running processes stay out; a restored service makes its own.
"""

import hashlib
import json
import os
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from feedback_model.errors import InputError, StoreError
from feedback_model.progress import track
from feedback_model.settings import Settings
from feedback_model.store.database_url import read_database_url, readonly_uri, sqlite_path
from feedback_model.store.postgresql_dump import dump_database, restore_database

MANIFEST: Final = "manifest.json"
DATABASE: Final = "feedback.db"
DUMP: Final = "database.dump"
PREFECT: Final = PurePosixPath("prefect/prefect.db")
"""Prefect's own database: schedules and parameters that were changed in the UI, and the history of runs."""
_STAYS: Final = frozenset({"prefect", "serve"})
"""Folders of running processes."""
_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup."""

    made_at: str
    code_version: str
    files: Mapping[str, tuple[int, str]]
    """Bytes and SHA-256 by name, with `/` between folders."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())


def back_up(settings: Settings, file: Path) -> Backup:
    """Write the database and home folder of `settings` to `file`.

    Raises:
        InputError: `file` is there already, or lies in the home folder.
        StoreError: something cannot be read or written.
        Interrupted: a stop was requested; there is no file then.
    """
    if file.exists():
        raise InputError(f"{file} is there already; choose another name")
    if file.absolute().is_relative_to(settings.home.absolute()):
        raise InputError(f"{file} lies in the home folder that it would hold; choose a place outside of it")
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with TemporaryDirectory(dir=file.parent, prefix=".backup-") as scratch:
            sources = [*_databases(settings, Path(scratch)), *_files(settings.home)]
            backup = _write(partial, sources)
        partial.replace(file)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the backup {file} cannot be written: {error}; make room or choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
    return backup


def _databases(settings: Settings, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Yield the databases, each as a copy of one moment."""
    url = read_database_url(settings.store_url)
    own = sqlite_path(url)
    if own is None:
        dump_database(url, scratch / DUMP)
        yield DUMP, scratch / DUMP
    elif own.is_file():
        yield DATABASE, _copied(own, scratch / DATABASE)
    prefect = settings.home / PREFECT
    if prefect.is_file():
        yield str(PREFECT), _copied(prefect, scratch / PREFECT.name)


def _copied(database: Path, target: Path) -> Path:
    with closing(sqlite3.connect(readonly_uri(database), uri=True)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def _files(home: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a home folder that are worth keeping; links are not followed."""
    for folder, folders, names in os.walk(home):
        inside = Path(folder).relative_to(home)
        hidden = [name for name in folders if name.startswith(".") or (inside == Path() and name in _STAYS)]
        folders[:] = sorted(set(folders) - set(hidden))
        for name in sorted(names):
            path = Path(folder) / name
            is_database = inside == Path() and name.startswith(DATABASE)
            if (
                not name.startswith(".")
                and not is_database
                and path.suffix != ".lock"
                and path.is_file()
                and not path.is_symlink()
            ):
                yield (PurePosixPath(*inside.parts) / name).as_posix(), path


def _write(partial: Path, sources: list[tuple[str, Path]]) -> Backup:
    files: dict[str, tuple[int, str]] = {}
    with tarfile.open(partial, "x", format=tarfile.PAX_FORMAT) as archive:
        partial.chmod(0o600)  # it holds what people said
        progress = track("back up", len(sources))
        for name, path in sources:
            if (known := _add(archive, name, path)) is not None:
                files[name] = known
            progress.advance()
        backup = Backup(datetime.now(UTC).isoformat(timespec="seconds"), version("feedback-model"), files)
        content = json.dumps({"made_at": backup.made_at, "code_version": backup.code_version, "files": files}).encode()
        archive.addfile(_member(MANIFEST, len(content)), BytesIO(content))
    return backup


def _add(archive: tarfile.TarFile, name: str, path: Path) -> tuple[int, str] | None:
    """Add one file as long as it is now; None where it is gone meanwhile."""
    try:
        opened = path.open("rb")
    except FileNotFoundError:
        return None
    with opened:
        reading = _Hashing(opened)
        size = os.fstat(opened.fileno()).st_size
        archive.addfile(_member(name, size), reading)
        return size, reading.hash.hexdigest()


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


class _Hashing:
    """A file whose content is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.hash = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.hash.update(content)
        return content


def restore(settings: Settings, file: Path) -> Backup:
    """Put a backup back into the home folder and the database of `settings`, which must be empty or not there.

    Raises:
        InputError: there is something already, or the backup is damaged or none; nothing is changed then.
        StoreError: it cannot be written.
        Interrupted: a stop was requested; nothing is changed then.
    """
    home = settings.home.absolute()
    if home.exists() and any(home.iterdir()):
        raise InputError(f"the home folder {home} is not empty; point FEEDBACK_HOME at one that is, or is not there")
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(dir=home.parent, prefix=f".{home.name}-restoring-") as scratch:
            backup = _extract(file, Path(scratch))
            _restore_database(settings, Path(scratch), backup)
            if home.exists():
                home.rmdir()
            Path(scratch).rename(home)
            Path(scratch).mkdir()  # for the block to remove
    except OSError as error:
        raise StoreError(
            f"the backup {file} cannot be restored to {home}: {error}; make room, or make it yours"
        ) from error
    return backup


def _restore_database(settings: Settings, folder: Path, backup: Backup) -> None:
    url = read_database_url(settings.store_url)
    own = sqlite_path(url)
    if (own is None) != (DUMP in backup.files):
        held, told = ("PostgreSQL", "SQLite") if own is not None else ("SQLite", "PostgreSQL")
        raise InputError(
            f"the backup holds a {held} database, but FEEDBACK_DATABASE_URL names a {told} one; set it accordingly"
        )
    if own is None:
        restore_database(url, folder / DUMP)
        (folder / DUMP).unlink()
    elif own.absolute() != (settings.home / DATABASE).absolute():
        if own.exists():
            raise InputError(
                f"the database {own} is there already; move it away, or have FEEDBACK_DATABASE_URL name another"
            )
        own.parent.mkdir(parents=True, exist_ok=True)
        (folder / DATABASE).rename(own)


def _extract(file: Path, folder: Path) -> Backup:
    """Extract a backup into `folder`, and check every file of it."""
    found: dict[str, tuple[int, str]] = {}
    content: Any = None
    try:
        with tarfile.open(file, "r:") as archive:
            progress = track("restore", None)
            for member in archive:
                reading = _opened(archive, member)
                if member.name == MANIFEST:
                    content = json.loads(reading.read())
                else:
                    found[member.name] = _extracted(reading, member, folder)
                progress.advance()
        backup = Backup(
            content["made_at"],
            content["code_version"],
            {name: (size, sha) for name, (size, sha) in content["files"].items()},
        )
    except FileNotFoundError as error:
        raise InputError(f"there is no backup {file}; check the path") from error
    except (tarfile.TarError, ValueError, TypeError, KeyError, EOFError) as error:
        raise InputError(f"{file} is no backup, or a damaged one ({error}); take another") from error
    wrong = sorted(name for name in backup.files.keys() | found.keys() if backup.files.get(name) != found.get(name))
    if wrong:
        raise InputError(
            f"{file} is damaged: {len(wrong)} of its files are not what they were, such as {wrong[0]}; take another"
        )
    return backup


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    path = PurePosixPath(member.name)
    reading = archive.extractfile(member) if member.isreg() else None
    if reading is None or path.is_absolute() or ".." in path.parts:
        raise tarfile.TarError(f"it holds {member.name!r}, which no backup does")
    return reading


def _extracted(reading: IO[bytes], member: tarfile.TarInfo, folder: Path) -> tuple[int, str]:
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    hashing, size = _Hashing(reading), 0
    with path.open("xb") as written:
        while block := hashing.read(_CHUNK):
            size += written.write(block)
    if size != member.size:
        raise EOFError(f"{member.name} is cut off")
    return size, hashing.hash.hexdigest()
