"""Figures of the service in SQL: what waits, what was decided, what it cost. Changes nothing, the schema included."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, inspect, select, text

from feedback_model.records.service import (
    ChampionFigures,
    LastRetraining,
    RetrainingDecided,
    StoreFigures,
    promotion_outcome,
)
from feedback_model.store import tables
from feedback_model.store.batches import claimed_batches, unclaimed_batches
from feedback_model.store.connection import Store, connect
from feedback_model.store.database_url import read_database_url, sqlite_path
from feedback_model.store.promotions import read_promotions
from feedback_model.store.schema import head_revision

_NANOS: Final = 1e-9  # of a dollar
_SQLITE_FILES: Final = ("", "-wal")
_CLAIM_TIME: Final = timedelta(seconds=60)
"""Within which a retraining that was decided on claims its landings, a task after the decision."""
_STATES: Final = {"done": "labelled"}
"""Names of the view `label_progress`, where they differ from those of the table."""


def read_store_figures(url: str) -> StoreFigures | None:
    """Read the figures of the database at `url`; None where there is none yet.

    A database of another schema is measured and no more.

    Raises:
        StoreError: it cannot be read.
    """
    path = sqlite_path(read_database_url(url))
    if path is not None and not path.exists():
        return None
    store = connect(url)
    try:
        size, schema = _size(store), _schema(store)
        if schema != head_revision():
            return StoreFigures(store.dialect, schema, head_revision(), size)
        return _figures(store, size)
    finally:
        store.close()


def _size(store: Store) -> int:
    """Measure the database in bytes, its write-ahead log included."""
    if store.dialect == "postgresql":
        with store.read() as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    files = (Path(f"{store.engine.url.database}{ending}") for ending in _SQLITE_FILES)
    return sum(file.stat().st_size for file in files if file.exists())


def _schema(store: Store) -> str:
    with store.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _figures(store: Store, size: int) -> StoreFigures:
    waiting, claimed = unclaimed_batches(store), claimed_batches(store)
    with store.read() as connection:
        spending = connection.execute(_SPENDING).all()
        return StoreFigures(
            dialect=store.dialect,
            schema=head_revision(),
            newest_schema=head_revision(),
            size_bytes=size,
            batches_waiting=len(waiting),
            batches_claimed=len(claimed),
            transcripts_waiting=_count_transcripts(connection, waiting),
            labels=_labels(connection),
            cost_usd={row.label_model: float(row.spent) * _NANOS for row in spending},
            unknown_usd=sum(float(row.unknown) for row in spending) * _NANOS,
            decision=_last_decision(connection),
            retraining=_last_retraining(connection, under_way=bool(claimed)),
            champion=_champion(store),
        )


_SPENDING: Final = select(
    tables.spending.c.label_model,
    func.sum(tables.spending.c.spent_nanos).label("spent"),
    func.sum(tables.spending.c.unknown_nanos).label("unknown"),
).group_by(tables.spending.c.label_model)

_request: Final = tables.label_request
_LABELS: Final = (
    select(_request.c.state, func.count().label("n"))
    .where(_request.c.purpose == "label", _request.c.replicate == 0)
    .group_by(_request.c.state)
)


def _labels(connection: Connection) -> dict[str, int]:
    counts: dict[str, int] = {row.state: row.n for row in connection.execute(_LABELS)}
    return {_STATES.get(state, state): count for state, count in counts.items()}


def _count_transcripts(connection: Connection, batches: Sequence[str]) -> int:
    transcript = tables.transcript
    query = select(func.count()).where(transcript.c.origin == "real", transcript.c.batch_id.in_(batches))
    return connection.execute(query).scalar_one()


def _last_decision(connection: Connection) -> RetrainingDecided | None:
    table = tables.retraining_decision
    row = connection.execute(select(table).order_by(table.c.decision_number.desc()).limit(1)).first()
    if row is None:
        return None
    return RetrainingDecided(datetime.fromisoformat(row.decided_at), row.verdict, row.reason, row.sentence)


def _last_retraining(connection: Connection, *, under_way: bool) -> LastRetraining | None:
    """Tell how the newest retraining went: the rows that it leaves are its landings', and the gate's decision.

    Args:
        under_way: somebody alive works on a landing.
    """
    begun = tables.retraining_decision
    query = select(func.max(begun.c.decided_at)).where(begun.c.verdict == "retrain")
    began_at = connection.execute(query).scalar()
    if began_at is None:
        return None
    trained = select(func.max(tables.batch.c.trained_at)).where(tables.batch.c.trained_at >= began_at)
    finished_at = connection.execute(trained).scalar()
    began = datetime.fromisoformat(began_at)
    if finished_at is None:
        claims = datetime.now(UTC) - began < _CLAIM_TIME
        return LastRetraining(began, None, "running" if under_way or claims else "unfinished")
    judged = tables.decision
    between = judged.c.created_at.between(began_at, finished_at)
    verdict = select(judged.c.verdict).where(between).order_by(judged.c.created_at.desc()).limit(1)
    return LastRetraining(
        began, datetime.fromisoformat(finished_at), promotion_outcome(connection.execute(verdict).scalar())
    )


def _champion(store: Store) -> ChampionFigures | None:
    promotions = read_promotions(store)
    if not promotions:
        return None
    newest, version = promotions[-1], tables.model_version
    with store.read() as connection:
        base = connection.execute(
            select(version.c.base_model).where(version.c.model_id == newest.model_id)
        ).scalar_one()
    return ChampionFigures(newest.model, base, newest.run_id, datetime.fromisoformat(newest.promoted_at))
