"""Going back to a former champion, once its weights are seen to be there. Knows nothing of how champions are made.

Only evidence promotes (docs/decisions/0006-promotion-by-evidence.md); people may go back to what evidence has promoted before.
"""

import getpass
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from feedback_model.errors import InputError, MissingStage
from feedback_model.store.champions import predecessor, read_reigns, return_to
from feedback_model.store.connection import Store
from feedback_model.store.decision_records import Reign
from feedback_model.store.training import model_version_of
from feedback_model.training.checkpoints import verified_folder


def roll_back(store: Store, home: Path, reason: str, to: str = "") -> Reign:
    """Make a former champion the champion again, in one transaction; returns its newest reign.

    Args:
        reason: for the history; mandatory.
        to: its model id, or the beginning of it; empty for the one whom the present champion replaced.

    Raises:
        InputError: no reason was given, or `to` was never champion or is it now.
        MissingStage: there is no champion, or none before it, or someone else replaced it at this moment.
        ModelError: the adapter to go back to is gone, or other weights lie in its place.
    """
    if not reason.strip():
        raise InputError("a rollback needs a reason for the history; give --reason")
    reigns = read_reigns(store)
    if not reigns:
        raise MissingStage("there is no champion to roll back from; `feedback run` makes one where evidence allows")
    former = _find_former(reigns, to) if to else _find_predecessor(reigns)
    adapter = model_version_of(store, former.model_id).checkpoint
    if adapter is not None:
        verified_folder(home, adapter)
    return_to(store, former, reigns[-1], reason.strip(), _who())
    return read_reigns(store)[-1]


def _find_predecessor(reigns: Sequence[Reign]) -> Reign:
    former = predecessor(reigns)
    if former is None:
        raise MissingStage(
            f"{reigns[-1].model} ({reigns[-1].model_id[:8]}) replaced no champion, so there is none to go back to; "
            "`feedback champion history` lists all, and --to names one"
        )
    return former


def _find_former(reigns: Sequence[Reign], to: str) -> Reign:
    meant = {reign.model_id: reign for reign in reigns if reign.model_id.startswith(to)}
    if len(meant) > 1:
        raise InputError(f"{to!r} is the beginning of {len(meant)} former champions' ids; give more of it")
    if not meant:
        raise InputError(
            f"{to!r} was never champion, and only evidence promotes; `feedback champion history` lists who was"
        )
    (former,) = meant.values()
    if former.model_id == reigns[-1].model_id:
        raise InputError(f"{former.model} ({former.model_id[:8]}) is the champion already")
    return former


def _who() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that no account has
        name = f"uid-{os.getuid()}"
    return f"{name}@{socket.gethostname()}"
