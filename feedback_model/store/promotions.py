"""Champions, promotions, rollbacks and decisions in SQL."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select, text

from feedback_model.errors import MissingStage
from feedback_model.records.evaluation import Decoding, Evaluation
from feedback_model.records.identifiers import content_id, to_json
from feedback_model.records.promotion import (
    Champion,
    Decision,
    Evidence,
    FixedRules,
    Promotion,
    PromotionKind,
    PromotionRules,
)
from feedback_model.records.training import model_name
from feedback_model.store import tables
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.connection import Store


def champion(store: Store) -> Champion | None:
    """Return the model in use: the newest promotion or rollback, if there was any."""
    promotion, version, adapter = tables.promotion, tables.model_version, tables.checkpoint
    query = (
        select(
            *(
                column for column in version.c if column.name not in ("variant", "weights_sha")
            ),  # no variant is promoted
            adapter.c.path.label("checkpoint_path"),
            promotion.c.promoted_at,
            promotion.c.decision_id,
            promotion.c.decoding,
        )
        .join_from(promotion, version, version.c.model_id == promotion.c.model_id)
        .outerjoin(adapter, (adapter.c.run_id == version.c.run_id) & (adapter.c.epoch == version.c.epoch))
        .order_by(promotion.c.promotion_id.desc())
        .limit(1)
    )
    with store.read() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else Champion(**row)


def read_promotions(store: Store) -> tuple[Promotion, ...]:
    """Return every time a champion was made, the first one first."""
    promotion, version = tables.promotion, tables.model_version
    replaced_at = func.lead(promotion.c.promoted_at).over(order_by=promotion.c.promotion_id).label("replaced_at")
    query = (
        select(promotion, version.c.run_id, version.c.epoch, version.c.quantised, replaced_at)
        .join(version, version.c.model_id == promotion.c.model_id)
        .order_by(promotion.c.promotion_id)
    )
    with store.read() as connection:
        return tuple(
            Promotion(
                promotion_id=row.promotion_id,
                kind=row.kind,
                promoted_at=row.promoted_at,
                promoted_by=row.promoted_by,
                reason=row.reason,
                model_id=row.model_id,
                model=model_name(row.epoch, quantised=row.quantised),
                run_id=row.run_id,
                decision_id=row.decision_id,
                decoding=row.decoding,
                replaced_at=row.replaced_at,
            )
            for row in connection.execute(query)
        )


def predecessor(promotions: Sequence[Promotion]) -> Promotion | None:
    """Whom the present champion replaced when it was first promoted; None for the first champion, or before it.

    Going back twice therefore goes back two champions, and not back and forth.
    """
    if not promotions:
        return None
    promoted = next(
        place
        for place, promotion_record in enumerate(promotions)
        if promotion_record.kind == "promote" and promotion_record.decision_id == promotions[-1].decision_id
    )
    return promotions[promoted - 1] if promoted else None


def rolled_back(promotions: Sequence[Promotion]) -> dict[str, str]:
    """Read the reason each model was rolled back, by model id; one that was rolled back to since is left out."""
    reasons: dict[str, str] = {}
    for before, promotion_record in pairwise(promotions):
        if promotion_record.kind == "rollback":
            reasons[before.model_id] = promotion_record.reason or ""
        reasons.pop(promotion_record.model_id, None)
    return reasons


def return_to(store: Store, former: Promotion, present: Promotion, reason: str, by: str) -> None:
    """Make `former` champion again in the place of `present`, in one transaction.

    Raises:
        MissingStage: someone else made another champion meanwhile.
    """
    with store.write() as connection:
        lock_promotions(connection)
        newest = connection.execute(select(func.max(tables.promotion.c.promotion_id))).scalar()
        if newest != present.promotion_id:
            raise MissingStage("the champion was replaced at this very moment; look at `feedback champion` again")
        make_champion(connection, former.decision_id, former.model_id, former.decoding, "rollback", by, reason)


def lock_promotions(connection: Connection) -> None:
    """Keep everyone else from writing rules, decisions or champions until this transaction ends."""
    # On SQLite the write lock that every write transaction holds is the same fence.
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE promotion IN SHARE ROW EXCLUSIVE MODE"))


def model_of_champion(connection: Connection) -> str | None:
    """Return the champion's model id, as the open transaction sees it."""
    promotion = tables.promotion
    query = select(promotion.c.model_id).order_by(promotion.c.promotion_id.desc()).limit(1)
    return connection.execute(query).scalar()


def make_champion(
    connection: Connection,
    decision_id: str,
    model_id: str,
    decoding: Decoding,
    kind: PromotionKind,
    by: str,
    reason: str | None,
) -> None:
    """Add a promotion or a rollback; the database refuses a model without a decision to promote it.

    Args:
        decoding: the way in which the model is asked as champion.
    """
    row = {"decision_id": decision_id, "model_id": model_id, "verdict": "promote", "promoted_at": now()}
    row |= {"decoding": decoding, "kind": kind}
    insert_missing(connection, tables.promotion, [row | {"promoted_by": by, "reason": reason}])


_EVIDENCE_FIELDS = tuple(field.name for field in fields(Evidence))


def fix_rules(store: Store, rules: PromotionRules) -> FixedRules:
    """Put `rules` in force, unless they are already; returns them as they stand.

    Whoever is about to produce something that will be judged calls this first.
    """
    table = tables.promotion_rules
    row = {"rules_id": rules.rules_id, "version": rules.version, "rules": to_json(asdict(rules)), "fixed_at": now()}
    with store.write() as connection:
        lock_promotions(connection)
        newest = connection.execute(select(table).order_by(table.c.rules_number.desc()).limit(1)).first()
        if newest is None or newest.rules_id != rules.rules_id:
            newest = connection.execute(table.insert().values(row).returning(*table.c)).one()
    return FixedRules(newest.rules_number, newest.rules_id, newest.version, newest.fixed_at)


def first_prediction(store: Store, inference_ids: list[str]) -> str | None:
    """Read the start of the first of these inferences; None if none was begun."""
    inference = tables.inference
    query = select(func.min(inference.c.created_at)).where(inference.c.inference_id.in_(inference_ids))
    with store.read() as connection:
        return connection.execute(query).scalar()


def record_decision(store: Store, decision: Decision) -> str:
    """Keep `decision`, and make its model champion if it says so, at once; the same decision again changes nothing.

    A champion is asked in the way in which it was judged.

    Returns:
        The decision's id.

    Raises:
        MissingStage: it would promote over another champion than the one it compared with.
    """
    decision_id = _name(decision)
    with store.write() as connection:
        lock_promotions(connection)
        if _is_known(connection, decision_id):
            return decision_id
        if decision.verdict == "promote" and model_of_champion(connection) != decision.champion_id:
            raise MissingStage(
                f"the champion was replaced while {decision.model} was being compared with it; "
                "run `feedback evaluate` again"
            )
        insert_missing(connection, tables.decision, [_decision_row(decision, decision_id)])
        evidence = [
            asdict(found) | {"decision_id": decision_id, "place": place}
            for place, found in enumerate(decision.evidence, start=1)
        ]
        insert_missing(connection, tables.evidence, evidence)
        if decision.verdict == "promote":
            by = decision.rules.version
            decoding = _decoding_of(connection, decision.evaluation_id)
            make_champion(connection, decision_id, decision.model_id, decoding, "promote", by, None)
    return decision_id


def _name(decision: Decision) -> str:
    parts = replace(decision, evidence=(), decided_at=None)
    return content_id("decision", asdict(parts), [found.sentence for found in decision.evidence])


def _decoding_of(connection: Connection, evaluation_id: str) -> Decoding:
    table = tables.evaluation
    return connection.execute(select(table.c.decoding).where(table.c.evaluation_id == evaluation_id)).scalar_one()


def _is_known(connection: Connection, decision_id: str) -> bool:
    query = select(tables.decision.c.decision_id).where(tables.decision.c.decision_id == decision_id)
    return connection.execute(query).first() is not None


def _decision_row(decision: Decision, decision_id: str) -> dict[str, Any]:
    return {
        "decision_id": decision_id,
        "created_at": now(),
        "evaluation_id": decision.evaluation_id,
        "reported_evaluation_id": decision.reported_evaluation_id,
        "model_id": decision.model_id,
        "champion_id": decision.champion_id,
        "verdict": decision.verdict,
        "reasons": json.dumps(decision.reasons, ensure_ascii=False),
        "rules_number": decision.rules.rules_number,
        "rules_fixed_at": decision.rules.fixed_at,
        "predicted_at": decision.predicted_at,
    }


def read_decision(store: Store, evaluation: Evaluation) -> Decision | None:
    """Return the newest decision that rests on `evaluation`, or that it reports on; else on the same run asked otherwise."""
    table, name = tables.decision, evaluation.evaluation_id
    concerned = or_(table.c.evaluation_id == name, table.c.reported_evaluation_id == name)
    with store.read() as connection:
        return _newest(connection, concerned) or _newest(
            connection, table.c.evaluation_id.in_(_of_same_run(evaluation))
        )


def _of_same_run(evaluation: Evaluation) -> Select[tuple[str]]:
    table = tables.evaluation
    same = table.c.run_id == evaluation.run_id, table.c.dataset_id == evaluation.dataset_id
    return select(table.c.evaluation_id).where(*same)


def find_decision(store: Store, decision_id: str) -> Decision | None:
    """Return the decision under `decision_id`, if there is one."""
    with store.read() as connection:
        return _newest(connection, tables.decision.c.decision_id == decision_id)


def _newest(connection: Connection, condition: Any) -> Decision | None:
    decision, rules, version = tables.decision, tables.promotion_rules, tables.model_version
    query = (
        select(decision, rules.c.rules_id, rules.c.version, version.c.epoch, version.c.quantised)
        .join(rules, rules.c.rules_number == decision.c.rules_number)
        .join(version, version.c.model_id == decision.c.model_id)
        .where(condition)
        .order_by(decision.c.created_at.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _decision(connection, row)


def _decision(connection: Connection, row: Row[Any]) -> Decision:
    table = tables.evidence
    found = connection.execute(
        select(table).where(table.c.decision_id == row.decision_id).order_by(table.c.place)
    ).mappings()
    return Decision(
        evaluation_id=row.evaluation_id,
        reported_evaluation_id=row.reported_evaluation_id,
        model_id=row.model_id,
        model=model_name(row.epoch, quantised=row.quantised),
        champion_id=row.champion_id,
        verdict=row.verdict,
        reasons=tuple(json.loads(row.reasons)),
        evidence=tuple(Evidence(**{name: each[name] for name in _EVIDENCE_FIELDS}) for each in found),
        rules=FixedRules(row.rules_number, row.rules_id, row.version, row.rules_fixed_at),
        predicted_at=row.predicted_at,
        decided_at=row.created_at,
    )
