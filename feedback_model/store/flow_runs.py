"""Attempts at a flow run: the process that began last executes it, and whoever was at it before writes nothing more.

Prefect puts a run back in the queue when its process seems dead. One that only seemed so lives on beside the new one; the
database decides between them.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, insert, select, update

from feedback_model.errors import Superseded
from feedback_model.store.clock import DatabaseNow
from feedback_model.store.connection import Store
from feedback_model.store.owners import process_identity, process_owner
from feedback_model.store.tables import batch, flow_run_attempt


@dataclass(frozen=True, slots=True)
class AttemptFence:
    """A flow run that this process must still be the latest to have begun."""

    flow_run_id: str

    def check(self, connection: Connection) -> None:
        """See that the run is ours, and that nobody can take it over before this transaction ends.

        Raises:
            Superseded: another process took it over.
        """
        ours = select(flow_run_attempt.c.attempt).where(_is_ours(self.flow_run_id))
        if connection.execute(ours.with_for_update(read=True, key_share=True)).first() is None:
            raise Superseded(
                f"another process took the flow run {self.flow_run_id} over, so this one stops here; "
                "what it has kept is used there"
            )


def begin_attempt(store: Store, flow_run_id: str) -> AttemptFence:
    """Execute a flow run in this process from now on, with what its earlier processes had claimed.

    Raises:
        Superseded: this process had begun it before, and another one did since.
    """
    fence = AttemptFence(flow_run_id)
    if _has_begun(store, flow_run_id):
        with store.read() as connection:
            fence.check(connection)
        return fence
    earlier = select(flow_run_attempt.c.owner).where(flow_run_attempt.c.flow_run_id == flow_run_id)
    with store.write() as connection:
        connection.execute(earlier.with_for_update()).all()
        owners = connection.execute(earlier).scalars().all()  # as it is now that nobody else adds to it
        taking_over = update(flow_run_attempt).where(flow_run_attempt.c.flow_run_id == flow_run_id)
        connection.execute(taking_over.where(_is_latest()).values(superseded_at=DatabaseNow()))
        ours = {"flow_run_id": flow_run_id, "attempt": len(owners) + 1, "owner": process_identity()}
        connection.execute(insert(flow_run_attempt).values(**ours, began_at=DatabaseNow()))
        for owner in owners:
            theirs = batch.c.claimed_by.startswith(owner, autoescape=True) & batch.c.trained_at.is_(None)
            connection.execute(update(batch).where(theirs).values(claimed_by=process_owner(), claimed_at=DatabaseNow()))
    return fence


def _has_begun(store: Store, flow_run_id: str) -> bool:
    mine = (flow_run_attempt.c.flow_run_id == flow_run_id) & (flow_run_attempt.c.owner == process_identity())
    with store.read() as connection:
        return connection.execute(select(flow_run_attempt.c.attempt).where(mine)).first() is not None


def _is_latest() -> ColumnElement[bool]:
    return flow_run_attempt.c.superseded_at.is_(None)


def _is_ours(flow_run_id: str) -> ColumnElement[bool]:
    return (
        (flow_run_attempt.c.flow_run_id == flow_run_id)
        & (flow_run_attempt.c.owner == process_identity())
        & _is_latest()
    )
