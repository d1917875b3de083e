"""Champions in SQL: who answers, who did, and going back. Knows not why a decision was made, nor where weights lie."""

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import Connection, func, select, text

from feedback_model.errors import MissingStage
from feedback_model.store import tables
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.decision_records import Champion, PromotionKind, Reign
from feedback_model.store.roles import role_of
from feedback_model.store.upsert import insert_missing


def champion(store: Store) -> Champion | None:
    """The model in use: the newest promotion or rollback, if there was any."""
    promotion, version, adapter = tables.promotion, tables.model_version, tables.checkpoint
    query = (
        select(version, adapter.c.path.label("checkpoint_path"), promotion.c.promoted_at, promotion.c.decision_id)
        .join_from(promotion, version, version.c.model_id == promotion.c.model_id)
        .outerjoin(adapter, (adapter.c.run_id == version.c.run_id) & (adapter.c.epoch == version.c.epoch))
        .order_by(promotion.c.promotion_id.desc())
        .limit(1)
    )
    with store.read() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else Champion(**row)


def read_reigns(store: Store) -> tuple[Reign, ...]:
    """Every time a champion was made, the first one first."""
    promotion, version = tables.promotion, tables.model_version
    replaced_at = func.lead(promotion.c.promoted_at).over(order_by=promotion.c.promotion_id).label("replaced_at")
    query = (
        select(promotion, version.c.run_id, version.c.epoch, version.c.quantised, replaced_at)
        .join(version, version.c.model_id == promotion.c.model_id)
        .order_by(promotion.c.promotion_id)
    )
    with store.read() as connection:
        return tuple(
            Reign(
                promotion_id=row.promotion_id,
                kind=row.kind,
                promoted_at=row.promoted_at,
                promoted_by=row.promoted_by,
                reason=row.reason,
                model_id=row.model_id,
                model=role_of(row.epoch, quantised=row.quantised),
                run_id=row.run_id,
                decision_id=row.decision_id,
                replaced_at=row.replaced_at,
            )
            for row in connection.execute(query)
        )


def predecessor(reigns: Sequence[Reign]) -> Reign | None:
    """Whom the present champion replaced when it was first promoted; None for the first champion, or before it.

    Going back twice therefore goes back two champions, and not back and forth.
    """
    if not reigns:
        return None
    promoted = next(
        place
        for place, reign in enumerate(reigns)
        if reign.kind == "promote" and reign.decision_id == reigns[-1].decision_id
    )
    return reigns[promoted - 1] if promoted else None


def withdrawals(reigns: Sequence[Reign]) -> dict[str, str]:
    """Why each model was rolled back from, by model id; one that was rolled back to since is not among them."""
    reasons: dict[str, str] = {}
    for before, reign in pairwise(reigns):
        if reign.kind == "rollback":
            reasons[before.model_id] = reign.reason or ""
        reasons.pop(reign.model_id, None)
    return reasons


def return_to(store: Store, former: Reign, present: Reign, reason: str, by: str) -> None:
    """Make `former` champion again in the place of `present`, in one transaction.

    Raises:
        MissingStage: someone else made another champion meanwhile.
    """
    with store.write() as connection:
        lock_promotions(connection)
        newest = connection.execute(select(func.max(tables.promotion.c.promotion_id))).scalar()
        if newest != present.promotion_id:
            raise MissingStage("the champion was replaced at this very moment; look at `feedback champion` again")
        make_champion(connection, former.decision_id, former.model_id, "rollback", by, reason)


def lock_promotions(connection: Connection) -> None:
    """Keep everyone else from writing rules, decisions or champions until this transaction ends."""
    # On SQLite the write lock that every write transaction holds is the same fence.
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE promotion IN SHARE ROW EXCLUSIVE MODE"))


def model_of_champion(connection: Connection) -> str | None:
    """The champion's model id, as the open transaction sees it."""
    promotion = tables.promotion
    query = select(promotion.c.model_id).order_by(promotion.c.promotion_id.desc()).limit(1)
    return connection.execute(query).scalar()


def make_champion(
    connection: Connection, decision_id: str, model_id: str, kind: PromotionKind, by: str, reason: str | None
) -> None:
    """Add a promotion or a rollback; the database refuses a model without a decision to promote it."""
    row = {"decision_id": decision_id, "model_id": model_id, "verdict": "promote", "promoted_at": now()}
    insert_missing(connection, tables.promotion, [row | {"kind": kind, "promoted_by": by, "reason": reason}])
