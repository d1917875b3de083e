"""What a run leaves behind: what is there, what it says, and whether something leaked."""

from dataclasses import dataclass
from typing import Any

from feedback_model.store.owners import is_alive
from feedback_model.store.readonly_sql import run_query
from tests.chaos.rig import CONCURRENCY, Rig

COUNTED = {
    "transcripts": "transcript WHERE origin = 'real'",
    "labels": "label",
    "rewrites kept": "augmentation WHERE outcome = 'accepted'",
    "datasets": "dataset",
    "trainings": "training_run",
    "checkpoints": "checkpoint",
    "models": "model_version",
    "inferences": "inference",
    "outputs": "output",
    "evaluations": "evaluation",
    "decisions": "decision",
    "promotions": "promotion",
}
FIGURES = """
SELECT split, decoding, model, n_test, valid_strict, n_common, mse_common, mse_individual, mse_penalised, mse_lower,
       mse_upper, mse_constant, is_best_epoch
FROM evaluation_summary ORDER BY split, decoding, model
"""


@dataclass(frozen=True)
class Outcome:
    """The final database, as far as two runs of the same data must agree."""

    counts: dict[str, int]
    figures: list[list[Any]]


def read_outcome(url: str) -> Outcome:
    """Ask the database at `url`."""
    counts = {name: run_query(url, f"SELECT COUNT(*) FROM {sql}").rows[0][0] for name, sql in COUNTED.items()}
    return Outcome(counts, [list(map(_plain, row)) for row in run_query(url, FIGURES).rows])


def _plain(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


def differences(found: Outcome, expected: Outcome) -> list[str]:
    """Say where an outcome is another one."""
    told = [
        f"{name}: {found.counts[name]} instead of {count}"
        for name, count in expected.counts.items()
        if found.counts[name] != count
    ]
    if found.figures != expected.figures:
        other = [row for row in found.figures if row not in expected.figures]
        told.append(f"figures differ: {other[:2]}")
    return told


def leaks(rig: Rig) -> list[str]:
    """Say what is still held though nothing is at work."""
    told = [
        f"the slot of {limit['name']} is taken {limit['active_slots']} times"
        for limit in rig.call("POST", "v2/concurrency_limits/filter", {}) or []
        if limit["active_slots"]
    ]
    held = [name for name, owner in rig.rows("SELECT name, owner FROM lease") if is_alive(owner)]
    told += [f"the lease {name} is held" for name in held]
    if claimed := rig.count("label_request WHERE state = 'claimed'"):
        told.append(f"{claimed} labelling requests are claimed")
    return told


def bought_twice(rig: Rig, *, was_cut: bool) -> list[str]:
    """Say what was bought again though it could be known: a process that is killed has at most so many replies unread."""
    again = sum(count - 1 for count in rig.replies().values())
    return [f"{again} replies were bought twice"] if again > (CONCURRENCY if was_cut else 0) else []
