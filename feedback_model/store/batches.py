"""Batches in SQL: landings with new transcripts, which a retraining claims."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from feedback_model.store.clock import DatabaseNow, now, read_clock
from feedback_model.store.connection import Store
from feedback_model.store.owners import is_alive, process_identity
from feedback_model.store.tables import batch

CLAIM_LIFETIME = timedelta(hours=24)  # until a claim whose owner cannot be looked at (another host) counts as dead


def unclaimed_batches(store: Store, owner: str | None = None) -> tuple[str, ...]:
    """List the batches with new transcripts that no living run but `owner`'s has claimed, oldest first."""
    with store.read() as connection:
        rows, present = connection.execute(_open_batches()).all(), read_clock(connection)
        return tuple(row.batch_id for row in rows if row.claimed_by == owner or _is_free(row, present))


def claimed_batches(store: Store) -> tuple[str, ...]:
    """Batches that a living run has claimed and not finished, oldest first."""
    with store.read() as connection:
        rows, present = connection.execute(_open_batches()).all(), read_clock(connection)
        return tuple(row.batch_id for row in rows if not _is_free(row, present))


def landing_times(store: Store, ids: Sequence[str]) -> dict[str, datetime]:
    """Read the landing time of each of these batches, in UTC."""
    query = select(batch.c.batch_id, batch.c.landed_at).where(batch.c.batch_id.in_(ids))
    with store.read() as connection:
        return {row.batch_id: datetime.fromisoformat(row.landed_at) for row in connection.execute(query)}


def claim_batches(store: Store, owner: str) -> tuple[str, ...]:
    """Claim every batch that waits for a retraining: nobody else gets it until `owner` is dead or releases it.

    Returns:
        The batches that are `owner`'s now, oldest first; those it had claimed before are among them.
    """
    with store.write() as connection:
        rows = connection.execute(_open_batches().with_for_update()).all()
        present = read_clock(connection)
        ids = tuple(row.batch_id for row in rows if row.claimed_by == owner or _is_free(row, present))
        if ids:
            connection.execute(
                update(batch).where(batch.c.batch_id.in_(ids)).values(claimed_by=owner, claimed_at=DatabaseNow())
            )
    return ids


def finish_batches(store: Store, ids: Sequence[str]) -> None:
    """Mark the batches of a run that has finished; they are never claimed again."""
    with store.write() as connection:
        connection.execute(update(batch).where(batch.c.batch_id.in_(ids)).values(trained_at=now()))


def release_batches(store: Store, ids: Sequence[str]) -> None:
    """Give back what this process claimed of these batches, for the next run to claim."""
    ours = batch.c.claimed_by.startswith(process_identity(), autoescape=True)
    with store.write() as connection:
        connection.execute(
            update(batch)
            .where(batch.c.batch_id.in_(ids), batch.c.trained_at.is_(None), ours)
            .values(claimed_by=None, claimed_at=None)
        )


def _open_batches() -> Any:
    return (
        select(batch.c.batch_id, batch.c.claimed_by, batch.c.claimed_at)
        .where(batch.c.trained_at.is_(None), batch.c.n_accepted > 0)
        .order_by(batch.c.landed_at, batch.c.batch_id)
    )


def _is_free(row: Any, present: datetime) -> bool:
    if row.claimed_by is None:
        return True
    alive = is_alive(row.claimed_by)
    if alive is None:
        return datetime.fromisoformat(row.claimed_at) < present - CLAIM_LIFETIME
    return not alive
