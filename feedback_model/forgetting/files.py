"""Files under the home folder that hold transcripts: the inbox, snapshots and reports."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Final

from feedback_model.errors import FeedbackError
from feedback_model.progress import track
from feedback_model.records.recordings import Recording
from feedback_model.settings import Settings
from feedback_model.store.forgetting import path_of
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.documents import prepare_document, transcript_id_of
from feedback_model.transcripts.files import read_file
from feedback_model.transcripts.inbox import inbox_of, reasons_beside
from feedback_model.transcripts.reading_options import ALL, EACH, Assumptions, ReadingOptions
from feedback_model.transcripts.speakers import Documents

_ID: Final = re.compile(r"\b[0-9a-f]{32}\b")
_DRAFT: Final = re.compile(r"\..+\.(\d+)")  # of a file that a process, whose id it ends in, was writing
Meant = Callable[[Recording], bool]
"""Tells a recording that is to be forgotten whatever of it has landed."""


def files_in_inbox(settings: Settings, ids: Set[str], meant: Meant, locators: Iterable[str]) -> list[Path]:
    """List the files in the inbox, waiting or landed, that hold one of these transcripts or a recording that is meant.

    Args:
        locators: where transcripts were found. The file of one that was found in the inbox is listed whatever it holds: it may
            have been read with options that are not known any more.

    Raises:
        Interrupted: a stop was requested.
    """
    folders, paths = (settings.inbox, settings.from_inbox), [Path(path_of(each)) for each in locators]
    came_from = {path.name for path in paths if any(path.is_relative_to(folder) for folder in folders)}
    named = {path for folder in _settled(settings) for path in _files(folder) if path.name in came_from}
    return [path for folder in folders for path in _files(folder) if path in named or _holds(path, ids, meant)]


def landed_files(settings: Settings, ids: Set[str]) -> list[Path]:
    """List the landed files of the inbox that hold one of these transcripts.

    Raises:
        Interrupted: a stop was requested.
    """
    return [path for folder in _settled(settings) for path in _files(folder) if _holds(path, ids, lambda _: False)]


def remove_from_inbox(path: Path) -> None:
    """Delete a file of the inbox, and what was said of it."""
    reasons_beside(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def is_landed(settings: Settings, path: Path) -> bool:
    """Tell a file of the inbox that was landed from one that waits."""
    return any(path.is_relative_to(folder) for folder in _settled(settings))


def _settled(settings: Settings) -> tuple[Path, Path]:
    """Return where landed files lie, and where they did in earlier versions."""
    return inbox_of(settings).landed, settings.inbox / "landed"


def _files(folder: Path) -> Iterator[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    progress = track(f"read {folder.name}", len(files)) if files else None
    for path in files:
        yield path
        if progress:
            progress.advance()


def _holds(path: Path, ids: Set[str], meant: Meant) -> bool:
    try:
        return any(meant(recording) or not ids.isdisjoint(_ids_of(recording)) for recording in _recordings(path))
    except FeedbackError:  # it cannot be read, so nothing of it has landed
        return False


def _recordings(path: Path) -> Iterator[Recording]:
    return (each for each in read_file(path, ReadingOptions(), Assumptions()) if isinstance(each, Recording))


def _ids_of(recording: Recording) -> Iterator[str]:
    """Yield the ids of all transcripts that a recording can make, however it was landed."""
    for speaker in (ALL, EACH):
        for redact in (False, True):
            documents = Documents(ReadingOptions(speaker=speaker, redact=redact), Assumptions())
            for record in documents.of(recording):
                document = record if isinstance(record, Reject) else prepare_document(record)
                if not isinstance(document, Reject):
                    yield from (transcript_id_of(piece.text) for piece in document.pieces)


def remove_drafts(folders: Sequence[Path]) -> None:
    """Remove what processes that are gone had begun to write."""
    for path in (path for folder in folders for path in folder.glob(".*")):
        draft = _DRAFT.fullmatch(path.name)
        if draft and not Path(f"/proc/{draft[1]}").exists():
            path.unlink(missing_ok=True)


def reports_about(settings: Settings, ids: Set[str], evaluations: Set[str]) -> dict[str, list[Path]]:
    """Find the reports that show one of these transcripts, or measure models on one: their files, by the name that they share."""
    files = sorted(path for path in settings.reports.glob("[!.]*") if path.is_file())
    wanted = ids | evaluations
    names = {path.stem for path in files if not wanted.isdisjoint(_ID.findall(path.read_text("utf-8", "replace")))}
    return {name: [path for path in files if path.stem == name] for name in sorted(names)}
