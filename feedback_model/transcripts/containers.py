"""Containers: gzip, bzip2, xz, Zstandard, zip and tar are opened, one in another too, told by their first bytes.

What is opened is read as it is unpacked, so memory does not grow with it; and what unpacks to hundreds of times its size is
refused when it has given `FREE_BYTES`, long before it could fill a disk.
Magic numbers: RFC 1952 (gzip), RFC 8878 (Zstandard), the .xz format 1.1.0, APPNOTE 6.3 (zip), POSIX 1003.1 (ustar).
"""

import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final

from feedback_model.errors import InputError

ZIP: Final = b"PK\x03\x04"
FREE_BYTES: Final = 16 * 2**20
"""That anything may unpack to."""
MOST_TIMES: Final = 200
"""Its own size that a container may unpack to beyond that; texts pack to a third, or a thirtieth where they repeat themselves."""
DEEPEST: Final = 4
"""Containers in one another."""
HEAD_BYTES: Final = 512
"""A tar tells itself within its first block."""
_TAR_MAGIC: Final = slice(257, 262)
_MAY_BE_LIVE: Final = (b"{", b"\n", b"\r", b" ", b"\xef")
"""Beginnings of JSON lines, of which somebody may wait for the first to be answered."""
_OFFICE: Final = ("word/document.xml", "xl/workbook.xml")
_OTHER_OFFICE: Final = ("[Content_Types].xml", "mimetype")


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes to read, and where they stand."""

    stream: IO[bytes]
    name: str
    """For a person to find it: the file, and in it the member."""
    is_packed: bool = False
    """True where it came out of a container."""


class _Joined(io.RawIOBase):
    """What was read of a stream to look at it, and then the rest."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io's own stubs say Buffer
        part = self._head[: len(buffer)] or read_some(self._rest, len(buffer))
        self._head = self._head[len(part) :]
        buffer[: len(part)] = part
        return len(part)


class _Bounded(io.RawIOBase):
    """What a container unpacks to, up to `MOST_TIMES` of what was read of it."""

    def __init__(self, unpacked: IO[bytes], packed: "_Counted", name: str) -> None:
        self._unpacked, self._packed, self._name = unpacked, packed, name
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io's own stubs say Buffer
        try:
            part = read_some(self._unpacked, min(len(buffer), 2**20))
        except InputError:
            raise
        except Exception as error:  # each library has errors of its own
            raise InputError(f"{self._name} cannot be unpacked ({error}); pack it again") from error
        self._given += len(part)
        if self._given > max(FREE_BYTES, MOST_TIMES * self._packed.taken):
            raise InputError(_bomb(self._name))
        buffer[: len(part)] = part
        return len(part)


class _Counted(io.RawIOBase):
    """A stream that knows how much was taken from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io's own stubs say Buffer
        part = read_some(self._stream, len(buffer))
        self.taken += len(part)
        buffer[: len(part)] = part
        return len(part)


def read_some(stream: IO[bytes], at_most: int) -> bytes:
    """Read what is there, without waiting for the rest as `read` does."""
    read = getattr(stream, "read1", stream.read)
    return read(at_most)


def look(stream: IO[bytes], at_least: int) -> tuple[bytes, IO[bytes]]:
    """Return the beginning of `stream`, and a stream that still has it."""
    parts: list[bytes] = []
    while at_least > 0 and (part := read_some(stream, at_least)):
        parts.append(part)
        at_least -= len(part)
    head = b"".join(parts)
    return head, joined(head, stream)


def joined(head: bytes, rest: IO[bytes]) -> IO[bytes]:
    """Return a stream that gives `head`, and then `rest`."""
    return io.BufferedReader(_Joined(head, rest), 2**16)


def unpack(source: Source, depth: int = 0) -> Iterator[Source]:
    """Yield what is in `source`, which may be itself; each must be read before the next is asked for.

    Raises:
        InputError: it unpacks to too much, or is damaged.
    """
    first, stream = look(source.stream, 1)
    if first not in _MAY_BE_LIVE:
        first, stream = look(stream, HEAD_BYTES)
    found = Source(stream, source.name, source.is_packed)
    opener = next((opener for magic, opener in _PACKED.items() if first.startswith(magic)), None)
    if depth > DEEPEST:
        raise InputError(f"{source.name} has more than {DEEPEST} containers in one another; unpack it first")
    if opener:
        yield from unpack(Source(_opened(found, opener), source.name, True), depth + 1)
    elif first.startswith(ZIP):
        yield from _members_of_zip(found, depth)
    elif first[_TAR_MAGIC] == b"ustar":
        yield from _members_of_tar(found, depth)
    else:
        yield found


def _opened(source: Source, opener: Callable[[IO[bytes]], IO[bytes]]) -> IO[bytes]:
    counted = _Counted(source.stream)
    unpacked = opener(io.BufferedReader(counted, 2**16))
    return io.BufferedReader(_Bounded(unpacked, counted, source.name), 2**16)


def _gzip(packed: IO[bytes]) -> IO[bytes]:
    import gzip

    return gzip.GzipFile(fileobj=packed)  # type: ignore[return-value]  # reads as one


def _bzip2(packed: IO[bytes]) -> IO[bytes]:
    import bz2

    return bz2.BZ2File(packed)


def _xz(packed: IO[bytes]) -> IO[bytes]:
    import lzma

    return lzma.LZMAFile(packed)


def _zstandard(packed: IO[bytes]) -> IO[bytes]:
    import zstandard

    return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)  # type: ignore[return-value]  # likewise


_PACKED: Final[dict[bytes, Callable[[IO[bytes]], IO[bytes]]]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\x00": _xz,
    b"\x28\xb5\x2f\xfd": _zstandard,
}


def _members_of_zip(source: Source, depth: int) -> Iterator[Source]:
    """Yield the files in a zip; the zip itself where it is a document of an office program."""
    with TemporaryFile() as whole:  # a zip is read from its end, which a stream does not offer
        shutil.copyfileobj(source.stream, whole, 2**20)
        packed_size = whole.tell()
        with zipfile.ZipFile(whole) as archive:
            members = [each for each in archive.infolist() if not each.is_dir() and not _is_hidden(each.filename)]
            unpacked_size = sum(each.file_size for each in members)
            if unpacked_size > max(FREE_BYTES, MOST_TIMES * packed_size):
                raise InputError(_bomb(source.name))
            if any(each.filename in _OFFICE for each in members):
                whole.seek(0)
                yield Source(whole, source.name)
                return
            if any(each.filename in _OTHER_OFFICE for each in members):
                raise InputError(
                    f"{source.name} is an office document of another kind; save it as .docx, .xlsx or text"
                )
            for each in members:
                with archive.open(each) as member:
                    yield from unpack(Source(member, f"{source.name}/{each.filename}", True), depth + 1)


def _members_of_tar(source: Source, depth: int) -> Iterator[Source]:
    with tarfile.open(fileobj=source.stream, mode="r|") as archive:
        for each in archive:
            member = archive.extractfile(each) if each.isfile() and not _is_hidden(each.name) else None
            if member:
                yield from unpack(Source(member, f"{source.name}/{each.name}", True), depth + 1)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/") if part != ".")


def _bomb(name: str) -> str:
    return (
        f"{name} unpacks to more than {MOST_TIMES} times its size and {FREE_BYTES // 2**20} MiB, as no text does; "
        "unpack it yourself if you trust it"
    )
