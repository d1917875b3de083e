"""Fetching into the inbox what is new in an object store.

What was fetched is remembered in a file beside the inbox's folders. Losing it costs a second fetch and no more, since a text that
has landed never lands again.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from feedback_model.errors import FeedbackError, SourceUnreachable
from feedback_model.transcripts.inbox import Inbox, free_place, make_folders
from feedback_model.transcripts.object_stores import StoredObject, list_objects, opened


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a look into an object store brought."""

    count: int
    """Objects."""
    problems: tuple[str, ...]
    """A sentence for each object that could not be read; the next look tries it again."""


def fetch_new(url: str, inbox: Inbox) -> Fetched:
    """Fetch every object below `url` that is new or has changed to where taken files lie.

    Raises:
        InputError: there is nothing at `url`.
        ConfigurationError: the store does not answer, or lets nobody in; what was fetched stays.
        OSError: there is no room here.
    """
    make_folders(inbox)
    fetched = _read(_memory(inbox))
    new = [each for each in list_objects(url) if fetched.get(each.url) != each.version]
    problems: list[str] = []
    for each in new:
        try:
            _fetch(each, inbox)
        except SourceUnreachable:
            raise
        except FeedbackError as error:  # of this one alone: taken away meanwhile, or archived
            problems.append(str(error))
            continue
        with _memory(inbox).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"url": each.url, "version": each.version}) + "\n")
    return Fetched(len(new) - len(problems), tuple(problems))


def _memory(inbox: Inbox) -> Path:
    return inbox.kept / "fetched.jsonl"


def _read(path: Path) -> dict[str, str]:
    """Return the version that was fetched last of each URL; half a line, which a kill leaves, says nothing."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            known = json.loads(line)
            found[known["url"]] = known["version"]
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _fetch(found: StoredObject, inbox: Inbox) -> None:
    part = inbox.taken / ".fetching"  # hidden, and so not landed before all of it is there
    with opened(found) as stream, part.open("wb") as file:
        shutil.copyfileobj(stream, file, 2**20)
    part.rename(free_place(inbox.taken, found.name))
