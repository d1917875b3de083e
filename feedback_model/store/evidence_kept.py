"""What housekeeping must leave, read from the database."""

from sqlalchemy import select

from feedback_model.records.housekeeping import Evidence
from feedback_model.store.clock import read_clock
from feedback_model.store.connection import Store
from feedback_model.store.evaluations import latest_evaluation
from feedback_model.store.owners import is_alive
from feedback_model.store.tables import decision, lease, model_version, promotion, training_run


def read_evidence(store: Store) -> Evidence:
    """Read which training runs and evaluations present and past champions stand on, and which is the newest.

    Before there is a champion, the best epoch of the newest evaluation answers.
    """
    models = select(model_version.c.run_id).join(promotion, promotion.c.model_id == model_version.c.model_id)
    judged = select(decision.c.evaluation_id, decision.c.reported_evaluation_id).join(
        promotion, promotion.c.decision_id == decision.c.decision_id
    )
    with store.read() as connection:
        runs = {run_id for run_id in connection.execute(models).scalars() if run_id}
        evaluations = {name for row in connection.execute(judged) for name in row if name}
    newest = latest_evaluation(store)
    if newest is not None:
        evaluations.add(newest.evaluation_id)
        runs.add(newest.run_id or "")
    return Evidence(frozenset(runs - {""}), frozenset(evaluations))


def runs_by_age(store: Store) -> tuple[str, ...]:
    """List all training runs, the one that began last first."""
    query = select(training_run.c.run_id).order_by(training_run.c.started_at.desc(), training_run.c.run_id)
    with store.read() as connection:
        return tuple(connection.execute(query).scalars())


def work_in_hand(store: Store) -> frozenset[str]:
    """Name the leases that somebody holds at this moment: `train:RUN`, `infer:ID`, `land`, ..."""
    with store.read() as connection:
        rows, present = connection.execute(select(lease)).all(), read_clock(connection).timestamp()
    held = (row.name for row in rows if _is_alive(row.owner, row.expires_at > present))
    return frozenset(held)


def _is_alive(owner: str, is_fresh: bool) -> bool:
    alive = is_alive(owner)
    return is_fresh if alive is None else alive
