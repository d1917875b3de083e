"""A place that several machines reach, by fsspec: an object store or a folder, named by FEEDBACK_SHARED_CHECKPOINTS.

Credentials and endpoints are the store's own: those of the environment or of its configuration files. Folders there have a list
of their files' hashes, which is written last: what is cut off, or damaged later, is never taken for whole.
"""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from feedback_model.errors import ConfigurationError, FeedbackError, SourceUnreachable
from feedback_model.model_cache import sha256_of
from feedback_model.settings import Settings

HASHES: Final = "hashes.json"
"""In a folder there: the SHA-256 of each other file by its name."""
FETCHING: Final = ".fetching-"
"""What begins the name of a folder on this machine that is not complete yet."""


class Damaged(FeedbackError):
    """What lies in the shared place is cut off, or is not what was put there."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file in the shared place."""

    name: str
    """Below the place, with `/` between folders."""
    size: int
    """Bytes."""
    newest: datetime
    """When it was last written, in UTC."""


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """The place, and what can be done there; every name is below it, with `/` between folders.

    All of it raises ConfigurationError where the place cannot be used, which is SourceUnreachable where it does not answer.
    """

    url: str

    def put(self, file: Path, name: str) -> None:
        """Put a file there, in place of an earlier one of that name, whole or not at all."""
        with self._told():
            filesystem, root = self._open()
            target = f"{root}/{name}"
            if not _is_local(filesystem):  # where an object appears once all of it is there
                filesystem.put_file(str(file), target)
                return
            partial = f"{target}.{os.getpid()}.partial"
            filesystem.put_file(str(file), partial)
            Path(partial).replace(target)

    def fetch(self, name: str, file: Path) -> bool:
        """Write what lies under `name` to `file`; returns False where there is nothing."""
        with self._told():
            filesystem, root = self._open()
            try:
                filesystem.get_file(f"{root}/{name}", str(file))
            except FileNotFoundError:
                return False
            return True

    def read(self, name: str) -> bytes | None:
        """Return the bytes under `name`; None where there is nothing."""
        with self._told():
            filesystem, root = self._open()
            with suppress(FileNotFoundError):
                return cast("bytes", filesystem.cat_file(f"{root}/{name}"))
            return None

    def list(self, folder: str) -> tuple[SharedFile, ...]:
        """List the files below `folder`, by name; none where there is no such folder."""
        with self._told():
            filesystem, root = self._open()
            found = cast("dict[str, dict[str, Any]]", filesystem.find(f"{root}/{folder}", detail=True))
            return tuple(
                SharedFile(path.removeprefix(root).strip("/"), int(about.get("size") or 0), _time_of(about))
                for path, about in sorted(found.items())
            )

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        with self._told():
            filesystem, root = self._open()
            with suppress(FileNotFoundError):
                filesystem.rm_file(f"{root}/{name}")

    def remove_folder(self, name: str) -> None:
        """Remove a folder with all in it; one that is not there is no error."""
        with self._told():
            filesystem, root = self._open()
            with suppress(FileNotFoundError):
                filesystem.rm(f"{root}/{name}", recursive=True)

    def put_folder(self, folder: Path, name: str, files: Sequence[str]) -> None:
        """Put those `files` of a folder there that it has, and at last the list of their hashes."""
        hashes = _hashes_of(folder, files)
        for file in hashes:
            self.put(folder / file, f"{name}/{file}")
        with tempfile.TemporaryDirectory() as scratch:
            listed = Path(scratch) / HASHES
            listed.write_text(json.dumps(hashes), encoding="utf-8")
            self.put(listed, f"{name}/{HASHES}")

    def has_folder(self, folder: Path, name: str, files: Sequence[str]) -> bool:
        """Tell whether those `files` of a folder were put there as they are now; what is read back is their list and sizes."""
        told = self.read(f"{name}/{HASHES}")
        hashes, sizes = _hashes_of(folder, files), {each.name: each.size for each in self.list(name)}
        are_whole = (sizes.get(f"{name}/{file}") == (folder / file).stat().st_size for file in hashes)
        return told == json.dumps(hashes).encode() and all(are_whole)

    def fetch_folder(self, name: str, target: Path, files: Sequence[str]) -> bool:
        """Bring those `files` of a folder to this machine, in place of what lies at `target`; whole or not at all.

        Returns:
            False where there is no such folder.

        Raises:
            Damaged: a file is missing there, or is not what was put there.
        """
        told = self.read(f"{name}/{HASHES}")
        if told is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        written = Path(tempfile.mkdtemp(prefix=FETCHING, dir=target.parent.parent))
        try:
            for file, sha256 in _hashes_in(told, f"{self.url}/{name}").items():
                if file in files:
                    self._fetch_checked(f"{name}/{file}", written / file, sha256)
            _put_in_place(written, target)
        finally:
            shutil.rmtree(written, ignore_errors=True)
        return True

    def _fetch_checked(self, name: str, file: Path, sha256: str) -> None:
        if not self.fetch(name, file) or sha256_of(file) != sha256:
            raise Damaged(f"{self.url}/{name} is missing or damaged")

    def _open(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        # Without fsspec's memory of listings: what another machine has put there since is what is wanted.
        options = {} if _has_kind(self.url) else {"auto_mkdir": True}
        filesystem, root = cast("tuple[Any, str]", url_to_fs(self.url, use_listings_cache=False, **options))
        return filesystem, root.rstrip("/")

    @contextmanager
    def _told(self) -> Generator[None]:
        """Turn what stores raise, each its own, into one sentence."""
        where = f"the shared place {self.url} (FEEDBACK_SHARED_CHECKPOINTS)"
        try:
            yield
        except FeedbackError:
            raise
        except ImportError as error:
            raise ConfigurationError(
                f"{where} needs a package that is not installed: {error}; for s3:// that is `pip install feedback-model[s3]`"
            ) from error
        except PermissionError as error:
            raise ConfigurationError(f"{where} may not be used: {error}; give access, or other credentials") from error
        except (ValueError, FileNotFoundError) as error:
            raise ConfigurationError(f"{where} cannot be used: {error}; check bucket and path") from error
        except Exception as error:  # each store has errors of its own, which share nothing but this
            if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
                raise ConfigurationError(
                    f"there is no room on the way to or from {where}: {error}; make some"
                ) from error
            if not _has_kind(self.url):
                raise ConfigurationError(
                    f"{where} cannot be used: {error}; see that it is a folder, and there"
                ) from error
            if "credential" in f"{type(error).__name__} {error}".lower():
                raise ConfigurationError(f"{where} lets nobody in: {error}; set the store's own variables") from error
            raise SourceUnreachable(f"{where} does not answer: {error}; look at network and endpoint") from error


def shared_place() -> SharedPlace | None:
    """Return the place that the settings of this machine name; None where the home folder is shared, or there is one machine."""
    url = Settings().shared_checkpoints
    return SharedPlace(url) if url else None


def _has_kind(url: str) -> bool:
    return "://" in url


def _is_local(filesystem: Any) -> bool:
    return bool(getattr(filesystem, "local_file", False))


def _time_of(about: dict[str, Any]) -> datetime:
    told = about.get("LastModified") or about.get("mtime") or about.get("updated") or about.get("last_modified")
    if isinstance(told, int | float):
        return datetime.fromtimestamp(told, UTC)
    # Where a store does not say it, nothing may take the file for old.
    return told.astimezone(UTC) if isinstance(told, datetime) else datetime.now(UTC)


def _hashes_in(told: bytes, where: str) -> dict[str, str]:
    try:
        found = json.loads(told)
        return {str(file): str(sha256) for file, sha256 in found.items()}
    except (ValueError, AttributeError) as error:
        raise Damaged(f"{where}/{HASHES} is damaged") from error


def _hashes_of(folder: Path, files: Sequence[str]) -> dict[str, str]:
    return {file: sha256_of(folder / file) for file in files if (folder / file).is_file()}


def _put_in_place(written: Path, target: Path) -> None:
    """Move a folder to `target`, and what lay there away; who comes second keeps the first one's, which is the same."""
    aside = written.with_name(f"{written.name}-replaced")
    with suppress(FileNotFoundError):
        target.replace(aside)
    try:
        written.replace(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
