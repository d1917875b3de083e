"""Object stores as sources: what lies under a URL such as `s3://bucket/talks/`, by fsspec.

Credentials and endpoints are the store's own: those of the environment or of its configuration files, never part of a URL here.
"""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, cast
from urllib.parse import urlsplit

from feedback_model.errors import ConfigurationError, FeedbackError, InputError, SourceUnreachable


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it lies in its store."""

    root: str
    """The URL by which its store is found."""
    path: str
    """In the store."""
    url: str
    version: str
    """Another one once its content is."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.path).name


def is_url(path: str) -> bool:
    """Tell whether `path` names something in a store: `s3://bucket/talks/`."""
    return "://" in path


def list_objects(url: str) -> list[StoredObject]:
    """List the object at `url`, or all below it, in order of name; those with a hidden name are left out.

    Raises:
        InputError: there is none, or no such kind of store.
        ConfigurationError: the package for this kind of store is missing, or the store lets nobody in.
        SourceUnreachable: the store does not answer.
    """
    with _told(url):
        if "@" in urlsplit(url).netloc:
            raise InputError("a URL with a password in it is not used; the store's own variables hold what lets us in")
        filesystem, path = _open(url)
        found = cast("dict[str, dict[str, Any]]", filesystem.find(path, detail=True))
        objects = [
            StoredObject(url, name, filesystem.unstrip_protocol(name), _version(about))
            for name, about in sorted(found.items())
        ]
    kept = [each for each in objects if each.name and not each.name.startswith(".")]
    if not kept:
        raise InputError(f"there is nothing at {url}; check bucket and path")
    return kept


@contextmanager
def opened(found: StoredObject) -> Generator[IO[bytes]]:
    """Open an object to be read; raises what `list_objects` raises."""
    with _told(found.url):
        filesystem, _ = _open(found.root)
        # By its path: a name may hold what chains stores in a URL.
        with filesystem.open(found.path, "rb") as stream:
            yield stream


def _open(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    # Without fsspec's memory of listings: what came since is what is wanted.
    return cast("tuple[Any, str]", url_to_fs(url, use_listings_cache=False))


def _version(about: dict[str, Any]) -> str:
    told = about.get("ETag") or about.get("etag") or about.get("md5Hash") or about.get("mtime") or about.get("created")
    return f"{told or about.get('LastModified')}-{about.get('size')}"


@contextmanager
def _told(url: str) -> Generator[None]:
    """Turn what stores raise, each its own, into one sentence."""
    try:
        yield
    except FeedbackError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is nothing at {url}; check bucket and path") from error
    except ImportError as error:
        raise ConfigurationError(
            f"{url} needs a package that is not installed: {error}; for s3:// that is `pip install feedback-model[s3]`"
        ) from error
    except ValueError as error:
        raise InputError(f"{url} cannot be read: {error}") from error
    except PermissionError as error:
        raise ConfigurationError(f"{url} may not be read with these credentials: {error}") from error
    except Exception as error:  # each store has errors of its own, which share nothing but this
        if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:  # where what is read is written to
            raise
        if "credential" in f"{type(error).__name__} {error}".lower():
            raise ConfigurationError(f"{url} lets nobody in: {error}; set the store's own variables") from error
        raise SourceUnreachable(f"{url} does not answer: {error}; look at network and endpoint") from error
