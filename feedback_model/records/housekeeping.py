"""What can be deleted of a home folder, and what was."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

LeftoverKind = Literal["checkpoints", "reports", "tracking", "landed files", "task results", "logs", "temporary files"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """Files that nothing needs any more; they go together."""

    kind: LeftoverKind
    name: str
    """How a person knows it: a training run, an evaluation, a file's name."""
    paths: tuple[Path, ...]
    """Files and folders."""
    size: int
    """Bytes."""
    newest: datetime
    """When something of it was last written or moved, in UTC."""
    run_id: str = ""
    """The training run, of checkpoints."""
    shared: tuple[str, ...] = ()
    """What goes in the shared place, by its names there."""
    lock: Path | None = None
    """A file that whoever uses it holds locked."""


@dataclass(frozen=True, slots=True)
class KeepRules:
    """How much is kept. Days of 0 keep for ever."""

    n_runs: int
    """Training runs whose checkpoints stay, the newest; those of champions do not count."""
    reports_days: int
    tracking_days: int
    inbox_days: int
    history_days: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stays whatever its age, because a champion was made with it or of it, or it answers in the place of one."""

    runs: frozenset[str]
    """Training runs of present and past champions, and of the newest evaluation."""
    evaluations: frozenset[str]
    """Evaluations that their promotions rest on or report, and the newest."""
