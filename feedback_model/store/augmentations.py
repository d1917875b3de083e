"""Rewrites in SQL: requested, received, accepted or refused."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from feedback_model.records.labels import LabellingConfig, LabelRequest
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.label_requests import SPENT, chunks, of_config, request_row
from feedback_model.store.label_responses import mark_done
from feedback_model.store.readonly_sql import select_rows
from feedback_model.store.tables import augmentation, label_request, label_score, transcript

Outcome = Literal["pending", "accepted", "missed_target", "near_duplicate", "unusable"]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One rewrite that was ordered."""

    request_id: str
    parent_id: str
    transcript_id: str | None
    """Of the text that came; None before it came or where it was refused."""
    trait: str
    target_score: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fate of a rewrite."""

    request_id: str
    outcome: Outcome
    relabelled_score: int | None
    """Of its trait, given blind; None where it was not labelled."""


def _labels_of(labelling_config: LabellingConfig) -> ColumnElement[bool]:
    return and_(
        label_score.c.label_model == labelling_config.label_model,
        label_score.c.prompt_version == labelling_config.prompt_version,
        label_score.c.replicate == 0,
    )


def rewrites(store: Store, rewrite_config: LabellingConfig, outcome: Outcome | None = None) -> list[Rewrite]:
    """Return the rewrites ordered from one model by one prompt, all of them or those with `outcome`."""
    columns = [augmentation.c[name] for name in Rewrite.__dataclass_fields__]
    query = select(*columns).join(label_request).where(of_config(rewrite_config, "rewrite"))
    if outcome is not None:
        query = query.where(augmentation.c.outcome == outcome)
    with store.read() as connection:
        return [Rewrite(*row) for row in connection.execute(query.order_by(augmentation.c.request_id))]


def order_rewrites(store: Store, rewrite_config: LabellingConfig, wanted: Iterable[tuple[str, str, int]]) -> int:
    """Order rewrites, each given as parent, trait and target score; returns how many were new."""
    rows = [
        request_row("rewrite", parent, rewrite_config, target_trait=trait, target_score=score)
        for parent, trait, score in wanted
    ]
    with store.write() as connection:
        insert_missing(connection, label_request, rows)
        return insert_missing(connection, augmentation, [_pending(row) for row in rows])


def _pending(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "request_id": row["request_id"],
        "parent_id": row["transcript_id"],
        "trait": row["target_trait"],
        "target_score": row["target_score"],
        "outcome": "pending",
    }


@dataclass(frozen=True, slots=True)
class Descendant:
    """A text that was made of a real train transcript."""

    transcript_id: str
    parent_id: str
    text: str
    n_words: int
    signature: bytes


def enter_descendants(connection: Connection, descendants: Iterable[Descendant]) -> None:
    """Store texts as augmented train transcripts of their parents' sources; those that stand already are left alone."""
    for each in descendants:
        of_parent = select(transcript).where(transcript.c.transcript_id == each.parent_id)
        parent = connection.execute(of_parent).mappings().one()
        own = asdict(each) | {"split": "train", "origin": "augmented", "batch_id": None, "landed_at": now()}
        insert_missing(connection, transcript, [{**parent, **own}])


def enter_copies(store: Store, copies: Iterable[Descendant]) -> None:
    """Store texts that are only to be labelled: no rewrite is accepted as them, so they enter no dataset."""
    with store.write() as connection:
        enter_descendants(connection, copies)


def enter_rewrite(connection: Connection, request: LabelRequest, descendant: Descendant) -> None:
    """Store the text of a rewrite; its request is done."""
    enter_descendants(connection, [descendant])
    _update(connection, request.request_id, transcript_id=descendant.transcript_id)
    mark_done(connection, [request])


def refuse_rewrite(connection: Connection, request: LabelRequest, outcome: Outcome) -> None:
    """Refuse the text of a rewrite; its request is done all the same, for it was answered."""
    _update(connection, request.request_id, outcome=outcome)
    mark_done(connection, [request])


def _update(connection: Connection, request_id: str, **values: Any) -> None:
    connection.execute(update(augmentation).where(augmentation.c.request_id == request_id).values(**values))


def blind_scores(store: Store, labelling_config: LabellingConfig, pending: Sequence[Rewrite]) -> dict[str, int]:
    """By request id, the score that a rewrite's text was given on the trait it aims at; those not labelled are missing."""
    aimed = (
        select(augmentation.c.request_id, label_score.c.score)
        .join(label_score, label_score.c.transcript_id == augmentation.c.transcript_id)
        .where(label_score.c.trait == augmentation.c.trait, augmentation.c.outcome == "pending")
        .where(_labels_of(labelling_config))
    )
    wanted = {rewrite.request_id for rewrite in pending}
    with store.read() as connection:
        rows = connection.execute(aimed).all()
    return {row.request_id: row.score for row in rows if row.request_id in wanted}


def failed_requests(
    store: Store, labelling_config: LabellingConfig, rewrite_config: LabellingConfig
) -> tuple[set[str], set[str]]:
    """Find what failed for good: requests of rewrites, and transcripts whose blind label was asked for in vain."""
    failed = and_(label_request.c.state == "failed", SPENT)
    with store.read() as connection:
        texts = connection.execute(
            select(label_request.c.request_id).where(of_config(rewrite_config, "rewrite"), failed)
        )
        labels = connection.execute(
            select(label_request.c.transcript_id).where(of_config(labelling_config, "relabel"), failed)
        )
        return set(texts.scalars()), set(labels.scalars())


def settle_verdicts(store: Store, verdicts: Sequence[Verdict]) -> None:
    """Write down what became of rewrites."""
    if not verdicts:
        return
    with store.write() as connection:
        for verdict in verdicts:
            _update(connection, verdict.request_id, outcome=verdict.outcome, relabelled_score=verdict.relabelled_score)


_OF_LABEL_SET = """
SELECT trait, target_score, ordered, accepted, missed_target, near_duplicate, unusable, pending, cost_usd
FROM augmentation_outcomes
WHERE label_model = :label_model AND prompt_version = :prompt_version
ORDER BY trait, target_score
"""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of the rewrites towards one level, or towards all."""

    ordered: int
    accepted: int
    missed_target: int
    near_duplicate: int
    unusable: int
    pending: int
    """Ordered, and without a verdict yet."""
    cost_usd: float | None
    """Rewrites and blind labels; None where a price is unknown."""

    @property
    def settled(self) -> int:
        """Those with a verdict."""
        return self.ordered - self.pending

    @property
    def cost_per_accepted_usd(self) -> float | None:
        """None where none was accepted or a price is unknown."""
        return None if self.cost_usd is None or not self.accepted else self.cost_usd / self.accepted


def outcomes_by_level(store: Store, rewrite_config: LabellingConfig) -> dict[tuple[str, int], Outcomes]:
    """By trait and target score; levels that nothing was ordered for are missing."""
    names = {"label_model": rewrite_config.label_model, "prompt_version": rewrite_config.prompt_version}
    rows = select_rows(store, _OF_LABEL_SET, **names)
    return {(row["trait"], row["target_score"]): _outcomes(row) for row in rows}


def _outcomes(row: dict[str, object]) -> Outcomes:
    return Outcomes(**{name: row[name] for name in Outcomes.__dataclass_fields__})  # type: ignore[arg-type]  # our view


def add_outcomes(by_level: dict[tuple[str, int], Outcomes]) -> Outcomes:
    """Of all levels together; the cost is unknown where that of one is."""
    levels = list(by_level.values())
    counts = [name for name in Outcomes.__dataclass_fields__ if name != "cost_usd"]
    costs = [each.cost_usd for each in levels]
    known = [cost for cost in costs if cost is not None]
    return Outcomes(
        **{name: sum(getattr(each, name) for each in levels) for name in counts},
        cost_usd=sum(known) if len(known) == len(costs) else None,
    )


def text_lengths(store: Store, ids: Iterable[str]) -> dict[str, int]:
    """Characters of each transcript's text."""
    found: dict[str, int] = {}
    columns = select(transcript.c.transcript_id, func.length(transcript.c.text))
    with store.read() as connection:
        for some in chunks(ids):
            rows: Sequence[tuple[str, int]] = connection.execute(
                columns.where(transcript.c.transcript_id.in_(some))
            ).all()  # type: ignore[assignment]  # rows are tuples
            found.update(dict(rows))
    return found
