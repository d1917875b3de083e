"""Decisions about retraining in SQL, and what they rest on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from feedback_model.records.retraining import Reason, RetrainingDecision, UntrainedData, Verdict
from feedback_model.records.transcripts import Split
from feedback_model.store.batches import unclaimed_batches
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.tables import retraining_decision, transcript


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was made."""

    number: int
    verdict: Verdict
    reason: Reason
    n_batches: int
    """That waited then."""
    decided_at: datetime


def untrained_data(store: Store, owner: str | None = None) -> UntrainedData:
    """Look up what waits for a retraining; for one that goes on as `owner`, also what that had claimed before."""
    batches, before = unclaimed_batches(store, owner), last_decision(store)
    real = transcript.c.origin == "real"
    by_split = select(transcript.c.split, func.count().label("n")).where(real).group_by(transcript.c.split)
    decided = before.reason if before is not None and before.n_batches == len(batches) else None
    new = select(func.count()).where(real, transcript.c.batch_id.in_(batches))
    with store.read() as connection:
        splits: dict[Split, int] = {row.split: row.n for row in connection.execute(by_split)}
        return UntrainedData(batches, connection.execute(new).scalar_one(), splits, decided)


def add_decision(store: Store, data: UntrainedData, decision: RetrainingDecision, decided_by: str) -> None:
    """Keep a decision about `data`."""
    made = {"verdict": decision.verdict, "reason": decision.reason, "sentence": decision.sentence}
    about = {"n_new": data.n_new, "n_batches": len(data.batches), "decided_at": now(), "decided_by": decided_by}
    with store.write() as connection:
        connection.execute(insert(retraining_decision), made | about)


def last_decision(store: Store) -> Decided | None:
    """Return the newest decision; None before the first."""
    made = retraining_decision.c
    newest = select(made.decision_number, made.verdict, made.reason, made.n_batches, made.decided_at)
    newest = newest.order_by(made.decision_number.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(newest).one_or_none()
    if row is None:
        return None
    decided_at = datetime.fromisoformat(row.decided_at)
    return Decided(row.decision_number, row.verdict, row.reason, row.n_batches, decided_at)


def is_undecided(last: Decided | None, landed: Collection[datetime]) -> bool:
    """Tell whether something has landed since the last decision, as where the event that tells of it was lost.

    Args:
        landed: times of what waits.
    """
    return bool(landed) and (last is None or max(landed) > last.decided_at)
