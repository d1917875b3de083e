"""All checkpoints that the database knows, brought to where they are wanted: into this home, or into the shared place."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from feedback_model.errors import ModelError
from feedback_model.progress import track
from feedback_model.records.training import Checkpoint
from feedback_model.store.connection import Store
from feedback_model.store.evidence_kept import runs_by_age
from feedback_model.store.training import checkpoints_of
from feedback_model.training.checkpoints import find_checkpoint, is_kept, share_checkpoint, verified_folder


def bring_all(store: Store, home: Path) -> Sequence[Checkpoint]:
    """Fetch every checkpoint that this home lacks and the shared place has; returns those that neither has.

    Raises:
        ConfigurationError: the place cannot be used, or does not answer (SourceUnreachable).
        Interrupted: a stop was requested.
    """
    return tuple(made for made in _tracked(store, "fetch checkpoints") if not is_kept(home, made))


def share_all(store: Store, home: Path) -> Sequence[Checkpoint]:
    """Put every whole checkpoint of this home into the shared place, unless it lies there already; returns them.

    Raises:
        ConfigurationError: the place cannot be used, or does not answer (SourceUnreachable).
        Interrupted: a stop was requested.
    """
    shared: list[Checkpoint] = []
    for made in _tracked(store, "share checkpoints"):
        if find_checkpoint(home, made) is not None and _is_whole(home, made):
            share_checkpoint(home, made, is_new=False)
            shared.append(made)
    return tuple(shared)


def _tracked(store: Store, stage: str) -> Iterator[Checkpoint]:
    found = [made for run_id in runs_by_age(store) for made in checkpoints_of(store, run_id)]
    progress = track(stage, len(found))
    for made in found:
        yield made
        progress.advance()


def _is_whole(home: Path, made: Checkpoint) -> bool:
    try:
        verified_folder(home, made)
    except ModelError:
        return False
    return True
