"""A result in a file: written row by row beside it, published whole, and taken up again where it was interrupted.

Answers go to `FILE.partial` as JSON lines, one write each, so a kill costs no answered row and at most half a line. When all
are there, FILE is rendered from them and takes its name in one step; then the partial file goes.
"""

import fcntl
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Final

from feedback_model.errors import ConfigurationError, InputError
from feedback_model.scoring.answer import with_documents
from feedback_model.scoring.format_names import Format
from feedback_model.scoring.formats import read_row_ids, render
from feedback_model.scoring.rows import Row, WayOfAsking, from_json, to_json

WAY_ON: Final = "name another --out, or start anew with --again"


class ResultFile:
    """A result that is being written; made by `writing`."""

    def __init__(self, path: Path, shape: Format, partial: IO[bytes]) -> None:
        self._path = path
        self._shape: Format = shape
        self._partial = partial

    def answered(self, asked: WayOfAsking) -> Iterator[Row]:
        """Yield the rows that an earlier call left.

        Raises:
            InputError: another model gave them, or the same in another way.
        """
        for row in self._rows():
            if row.asked.inference_id != asked.inference_id:
                raise InputError(
                    f"{self._partial.name} has answers of {row.asked.model} (decoding {row.asked.decoding}, model id "
                    f"{row.asked.model_id}), asked in another way than now; go on as before, {WAY_ON}"
                )
            yield row

    def keep(self, row: Row) -> None:
        """Keep one more answer, so that nobody asks for it again."""
        with _told(self._path):
            _write(self._partial, f"{to_json(row)}\n")

    def publish(self) -> None:
        """Render what was kept, let it take its name, and drop the partial file."""
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with _told(self._path):
            try:
                with draft.open("wb") as file:
                    for text in render(with_documents(self._rows()), self._shape):
                        file.write(text.encode("utf-8", "replace"))
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)
            Path(self._partial.name).unlink()
            self._partial.truncate(0)

    def _rows(self) -> Iterator[Row]:
        with Path(self._partial.name).open("rb") as file:
            for line in file:
                try:
                    yield from_json(line)
                except ValueError as error:
                    raise InputError(f"{self._partial.name} is not a result of `feedback score`; {WAY_ON}") from error


@contextmanager
def writing(path: Path, shape: Format, *, again: bool = False) -> Generator[ResultFile]:
    """Open the partial file of `path`, for this process alone, with what an earlier call left in it.

    Args:
        again: without what it left.

    Raises:
        ConfigurationError: there is no writing here.
        InputError: another process writes the same file.
    """
    with _told(path):
        partial = _partial_of(path).open("a+b", buffering=0)
    with partial:
        try:
            fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another process writes {path}; wait for it, or name another --out") from error
        with _told(path):
            partial.truncate(0 if again else _end_of_lines(partial))
        try:
            yield ResultFile(path, shape, partial)
        finally:
            if not os.fstat(partial.fileno()).st_size:  # nothing to go on from
                _partial_of(path).unlink(missing_ok=True)


def _partial_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def is_published(path: Path, shape: Format, row_ids: Iterable[str]) -> bool:
    """Tell whether there is nothing left to do: the file is there and shows exactly the rows of these ids.

    Raises:
        InputError: the file is there and shows something else.
    """
    if not path.exists() or _partial_of(path).exists():
        return False
    if path.is_file() and all(one == other for one, other in zip_longest(read_row_ids(path, shape), row_ids)):
        return True
    raise InputError(f"{path} is there already, and not what this input and this model would make; {WAY_ON}")


def _end_of_lines(file: IO[bytes]) -> int:
    """Return the position behind the last whole line: what follows was cut off by a kill or a full disk."""
    end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - 65_536)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _write(file: IO[bytes], text: str) -> None:
    left = memoryview(text.encode("utf-8", "replace"))
    while left:
        left = left[file.write(left) :]


@contextmanager
def _told(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}; make room or permission, or name another --out. What was "
            "answered is kept: the same command goes on from there"
        ) from error
