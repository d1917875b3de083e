"""What nothing needs any more: looked for in the home folder, with what the database says must stay. Deletes nothing.

Never listed: checkpoints and tracking of runs that present or past champions came from, and reports on what their promotions rest
on; dataset versions, of any age; what a process is at work on; files that wait to be landed.
"""

import fcntl
import os
import re
import stat
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from feedback_model.records.housekeeping import Evidence, KeepRules, Leftover, LeftoverKind
from feedback_model.records.training import run_folder
from feedback_model.settings import Settings
from feedback_model.shared_place import FETCHING, SharedFile, shared_place
from feedback_model.store.connection import Store
from feedback_model.store.evidence_kept import read_evidence, runs_by_age, work_in_hand
from feedback_model.training.checkpoints import PRUNED
from feedback_model.transcripts.inbox import inbox_of

ABANDONED: Final = timedelta(days=1)
"""After which what a process was still writing has no writer any more."""
_EVALUATION: Final = re.compile(r"[0-9a-f]+")
"""Name of a report; others are a person's own."""
GONE: Final = ".gone-"
"""What begins the name of a folder that is being deleted."""
LONG_LOG: Final = 64 * 2**20
KEPT_OF_LOG: Final = 2**20
"""Bytes at its end."""
LARGE_CACHE: Final = 64 * 2**20
"""Bytes; Prefect's database for commands without a server is kept because making one takes seconds, and only grows."""


def keep_rules(settings: Settings) -> KeepRules:
    """Read how much is kept."""
    return KeepRules(
        n_runs=settings.keep_runs,
        reports_days=settings.keep_reports_days,
        tracking_days=settings.keep_tracking_days,
        inbox_days=settings.keep_inbox_days,
        history_days=settings.keep_history_days,
    )


def find_leftovers(
    store: Store, settings: Settings, rules: KeepRules, present: datetime | None = None
) -> tuple[Leftover, ...]:
    """List what can be deleted now, by kind.

    Args:
        present: in UTC; None: now.
    """
    home, now = settings.home, present or datetime.now(UTC)
    evidence, busy = read_evidence(store), work_in_hand(store)
    keep = protected_runs(store, evidence, busy, rules.n_runs)
    found = [
        *_checkpoints(home, keep, runs_by_age(store), busy),
        *_older(_reports(settings, evidence), rules.reports_days, now),
        *_older(_tracking(home, keep), rules.tracking_days, now),
        *_older(_landed_files(settings), rules.inbox_days, now),
        *_task_results(home, rules.history_days, now),
        *_logs(home),
        *(each for each in _abandoned(settings, busy) if now - each.newest > ABANDONED),
        *_half_gone(home),
        *_large_cache(home),
    ]
    return tuple(each for each in found if all(_lies_in(home, path) for path in each.paths))


def _lies_in(home: Path, path: Path) -> bool:
    """Tell whether a file is reached without a link on the way: what a link leads to is not ours to delete."""
    return path.parent.resolve() == home.resolve() / path.parent.relative_to(home)


def protected_runs(store: Store, evidence: Evidence, busy: frozenset[str], n_runs: int) -> frozenset[str]:
    """Name the training runs whose checkpoints stay: those of champions, those at work, and the newest others."""
    at_work = {name.removeprefix("train:") for name in busy if name.startswith("train:")}
    others = [run_id for run_id in runs_by_age(store) if run_id not in evidence.runs]
    return frozenset({*evidence.runs, *at_work, *others[:n_runs]})


def _checkpoints(home: Path, keep: frozenset[str], runs: Iterable[str], busy: frozenset[str]) -> Iterator[Leftover]:
    if any(name.startswith("infer:") for name in busy):  # whose adapters those are, no lease tells
        return
    there = _shared_by_run()
    for run_id in runs:
        folder = home / run_folder(run_id)
        paths = tuple(path for path in _inside(folder) if not path.name.startswith("."))
        if run_id not in keep and (paths or run_id in there):
            found = replace(_leftover("checkpoints", f"training run {run_id}", paths), run_id=run_id)
            yield _with_shared(found, there.get(run_id, []))


def _shared_by_run() -> dict[str, list[SharedFile]]:
    """List what the shared place has of each training run, if there is one."""
    place = shared_place()
    found: defaultdict[str, list[SharedFile]] = defaultdict(list)
    for file in place.list("checkpoints") if place else ():
        _, run_id, *below = file.name.split("/")
        if below and below != [PRUNED]:
            found[run_id].append(file)
    return dict(found)


def _with_shared(found: Leftover, files: Sequence[SharedFile]) -> Leftover:
    if not files:
        return found
    newest = max([each.newest for each in files] + ([found.newest] if found.paths else []))
    size = found.size + sum(each.size for each in files)
    return replace(found, shared=tuple(each.name for each in files), size=size, newest=newest)


def _reports(settings: Settings, evidence: Evidence) -> Iterator[Leftover]:
    files: defaultdict[str, list[Path]] = defaultdict(list)
    for path in _inside(settings.reports):
        if not path.name.startswith("."):
            files[path.stem].append(path)
    for name, paths in files.items():
        if _EVALUATION.fullmatch(name) and name not in evidence.evaluations:
            yield _leftover("reports", f"evaluation {name}", tuple(paths))


def _tracking(home: Path, keep: frozenset[str]) -> Iterator[Leftover]:
    for folder in _inside(home / "wandb"):
        is_run = folder.name.startswith(("offline-run-", "run-")) and folder.is_dir() and not folder.is_symlink()
        if is_run and folder.name.rpartition("-")[2] not in keep:
            yield _leftover("tracking", folder.name, (folder,))


def _landed_files(settings: Settings) -> Iterator[Leftover]:
    inbox = inbox_of(settings)
    for folder in (inbox.landed, inbox.refused):
        for path in _inside(folder):
            yield _leftover("landed files", f"{folder.name}/{path.name}", (path,))


def _task_results(home: Path, days: int, now: datetime) -> Iterator[Leftover]:
    """Results by which a run that is resumed skips finished tasks."""
    files = (_leftover("task results", path.name, (path,)) for path in _inside(home / "prefect" / "results"))
    old = tuple(path for each in _older(files, days, now) for path in each.paths)
    if old:
        yield _leftover("task results", f"{len(old)} results of finished tasks", old)


def _logs(home: Path) -> Iterator[Leftover]:
    """What stands in long logs before their end, which alone somebody may still want to read."""
    for path in _inside(home / "prefect", "*.log"):
        found = _leftover("logs", path.relative_to(home).as_posix(), (path,))
        if found.size > LONG_LOG:
            yield replace(found, size=found.size - KEPT_OF_LOG)


def _abandoned(settings: Settings, busy: frozenset[str]) -> Iterator[Leftover]:
    """What processes that are gone had begun to write, and the folders of their servers."""
    drafts = [path for folder in (settings.reports, settings.snapshots) for path in _inside(folder, ".*")]
    drafts += _inside(settings.checkpoints, f"{FETCHING}*")
    for run in _inside(settings.checkpoints):
        if f"train:{run.name}" not in busy:
            drafts += [path for path in _inside(run, ".*") if path.name != PRUNED and not path.name.startswith(GONE)]
    for path in drafts:
        yield _leftover("temporary files", path.relative_to(settings.home).as_posix(), (path,))
    for path in _inside(settings.home / "prefect", "temporary-*"):
        found = _leftover("temporary files", path.relative_to(settings.home).as_posix(), (path,))
        yield from _unused(found, path / "lock")


def _half_gone(home: Path) -> Iterator[Leftover]:
    """What an earlier housekeeping had moved out of its place when it was killed."""
    for pattern in (f"{GONE}*", f"*/{GONE}*", f"checkpoints/*/{GONE}*"):
        for path in _inside(home, pattern):
            yield _leftover("temporary files", path.relative_to(home).as_posix(), (path,))


def _large_cache(home: Path) -> Iterator[Leftover]:
    folder = home / "prefect"
    files = tuple(_inside(folder, "temporary.db*"))
    found = _leftover("temporary files", "prefect/temporary.db", files)
    if found.size > LARGE_CACHE:
        yield from _unused(found, folder / "temporary.lock")


def _unused(found: Leftover, lock: Path) -> Iterator[Leftover]:
    with try_lock(lock) as ours:
        if ours:
            yield replace(found, lock=lock)


@contextmanager
def try_lock(lock: Path | None) -> Generator[bool]:
    """Hold a lock file during the block, if nobody else does; one that is not there is held by nobody."""
    try:
        opened = lock.open("r") if lock is not None else None
    except FileNotFoundError:
        opened = None
    with opened or nullcontext():
        try:
            if opened is not None:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _older(found: Iterable[Leftover], days: int, now: datetime) -> Iterator[Leftover]:
    if days:
        yield from (each for each in found if now - each.newest > timedelta(days=days))


def _leftover(kind: LeftoverKind, name: str, paths: tuple[Path, ...]) -> Leftover:
    found = [each for path in paths for each in _stats(path)]
    size = sum(each.st_size for each in found if not stat.S_ISDIR(each.st_mode))
    # Moving a file leaves the time of its content as it was, so the time of the move counts as well.
    newest = max((max(each.st_mtime, each.st_ctime) for each in found), default=time.time())
    return Leftover(kind, name, paths, size, datetime.fromtimestamp(newest, UTC))


def _inside(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []


def _stats(path: Path) -> Iterator[os.stat_result]:
    """Look at a file, or at a folder and all in it; what goes meanwhile is passed over."""
    with suppress(FileNotFoundError):
        yield path.lstat()
    if path.is_dir() and not path.is_symlink():
        for folder, folders, names in os.walk(path):
            for name in names + folders:
                with suppress(FileNotFoundError):
                    yield (Path(folder) / name).lstat()
