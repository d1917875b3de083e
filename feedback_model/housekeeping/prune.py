"""Deleting what nothing needs: marked first, moved out of its place at once, then deleted, so that a kill leaves no half.

What a kill leaves has hidden names that nothing reads; the next housekeeping lists and deletes it as temporary files.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from feedback_model.errors import StoreError
from feedback_model.housekeeping.plan import GONE, KEPT_OF_LOG, protected_runs, try_lock
from feedback_model.progress import track
from feedback_model.records.housekeeping import KeepRules, Leftover
from feedback_model.settings import Settings
from feedback_model.shared_place import shared_place
from feedback_model.store.connection import Store
from feedback_model.store.evidence_kept import read_evidence, work_in_hand
from feedback_model.store.locks import acquire, hold, release
from feedback_model.training.checkpoints import mark_pruned


def delete_leftovers(
    store: Store, settings: Settings, rules: KeepRules, leftovers: Sequence[Leftover]
) -> tuple[Leftover, ...]:
    """Delete what was listed, but for what has come to be needed meanwhile; returns what is gone.

    Raises:
        StoreError: something cannot be deleted.
        ConfigurationError: the shared place cannot be used, or does not answer (SourceUnreachable).
        Interrupted: a stop was requested; the rest stays for the next time.
    """
    gone: list[Leftover] = []
    with hold(store, "housekeeping", "deletes what nothing needs"):
        progress = track("housekeeping", len(leftovers))
        for each in leftovers:
            try:
                if _delete(store, settings, rules, each):
                    gone.append(each)
            except OSError as error:
                raise StoreError(f"{error.filename} cannot be deleted ({error.strerror}); make it yours") from error
            progress.advance()
    return tuple(gone)


def _delete(store: Store, settings: Settings, rules: KeepRules, leftover: Leftover) -> bool:
    if leftover.kind == "checkpoints":
        return _delete_checkpoints(store, settings.home, rules, leftover)
    remove = _shorten if leftover.kind == "logs" else _remove
    with try_lock(leftover.lock) as ours:
        if ours:
            for path in leftover.paths:
                remove(path)
        return ours


def _delete_checkpoints(store: Store, home: Path, rules: KeepRules, leftover: Leftover) -> bool:
    """Delete the adapters of a training run, unless it is at work again, or was promoted meanwhile."""
    lease = f"train:{leftover.run_id}"
    token = acquire(store, lease)
    if token is None:
        return False
    try:
        busy = work_in_hand(store) - {lease}
        if leftover.run_id in protected_runs(store, read_evidence(store), busy, rules.n_runs):
            return False
        mark_pruned(home, leftover.run_id)
        for path in leftover.paths:
            _remove(path)
        if (place := shared_place()) is not None:
            for name in leftover.shared:
                place.remove(name)
    finally:
        release(store, lease, token)
    return True


def _shorten(log: Path) -> None:
    """Leave the end of a log. Who appends to it goes on there; a line that comes at this very moment may be lost."""
    with log.open("r+b") as opened:
        opened.seek(-KEPT_OF_LOG, os.SEEK_END)
        opened.readline()  # the rest of one that began before
        kept = opened.read()
        opened.seek(0)
        opened.write(kept)
        opened.truncate()


def _remove(path: Path) -> None:
    """Delete a file, or a folder, which nobody sees half deleted under its own name."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    moved = path if path.name.startswith(GONE) else path.with_name(f"{GONE}{path.name}")
    if moved != path:
        shutil.rmtree(moved, ignore_errors=True)  # of an earlier one of that name
        path.rename(moved)
    shutil.rmtree(moved)
