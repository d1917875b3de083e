"""Decisions about retraining in SQL, and what they rest on."""

from dataclasses import dataclass

from sqlalchemy import func, insert, select

from feedback_model.records.retraining import RetrainingDecision, UntrainedData, Verdict
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


def untrained_data(store: Store, owner: str | None = None) -> UntrainedData:
    """Look up what waits for a retraining; for one that goes on as `owner`, also what that had claimed before."""
    batches = unclaimed_batches(store, owner)
    real = transcript.c.origin == "real"
    by_split = select(transcript.c.split, func.count().label("n")).where(real).group_by(transcript.c.split)
    new = select(func.count()).where(real, transcript.c.batch_id.in_(batches))
    with store.read() as connection:
        splits: dict[Split, int] = {row.split: row.n for row in connection.execute(by_split)}
        return UntrainedData(batches, connection.execute(new).scalar_one(), splits)


def add_decision(store: Store, data: UntrainedData, decision: RetrainingDecision, decided_by: str) -> None:
    """Keep a decision about `data`."""
    made = {"verdict": decision.verdict, "reason": decision.reason, "sentence": decision.sentence}
    about = {"n_new": data.n_new, "n_batches": len(data.batches), "decided_at": now(), "decided_by": decided_by}
    with store.write() as connection:
        connection.execute(insert(retraining_decision), made | about)


def last_decision(store: Store) -> Decided | None:
    """Return the newest decision; None before the first."""
    number = retraining_decision.c.decision_number
    newest = select(number, retraining_decision.c.verdict).order_by(number.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(newest).one_or_none()
    return None if row is None else Decided(row.decision_number, row.verdict)
