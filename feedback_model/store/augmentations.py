"""Rewrites in SQL: which were ordered, what text came, what became of each. Knows nothing of how they are judged."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, update

from feedback_model.records import LabelSet, Origin
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.ledger import MAX_ANSWERS, Order, of_label_set, request_row
from feedback_model.store.replies import settle_done
from feedback_model.store.tables import augmentation, label_request, label_score, transcript
from feedback_model.store.upsert import insert_missing

Outcome = Literal["pending", "accepted", "missed_target", "near_duplicate", "unusable"]


@dataclass(frozen=True, slots=True)
class ScoredTranscript:
    """A labelled train transcript."""

    transcript_id: str
    origin: Origin
    scores: dict[str, int]
    """By trait."""


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
    """What became of a rewrite."""

    request_id: str
    outcome: Outcome
    relabelled_score: int | None
    """Of its trait, given blind; None where it was not labelled."""


def _labels_of(label_set: LabelSet) -> ColumnElement[bool]:
    return and_(
        label_score.c.label_model == label_set.label_model,
        label_score.c.prompt_version == label_set.prompt_version,
        label_score.c.replicate == 0,
    )


def scored_train(store: Store, label_set: LabelSet) -> list[ScoredTranscript]:
    """Every labelled train transcript that may enter a dataset: the real ones, and the rewrites that were accepted."""
    columns = (transcript.c.transcript_id, transcript.c.origin, label_score.c.trait, label_score.c.score)
    rows = (
        select(*columns)
        .join(label_score, label_score.c.transcript_id == transcript.c.transcript_id)
        .where(transcript.c.split == "train", _labels_of(label_set))
        .where(or_(transcript.c.origin == "real", transcript.c.transcript_id.in_(_accepted())))
        .order_by(transcript.c.transcript_id)
    )
    found: dict[str, ScoredTranscript] = {}
    with store.read() as connection:
        for name, origin, trait, score in connection.execute(rows):
            found.setdefault(name, ScoredTranscript(name, origin, {})).scores[trait] = score
    return list(found.values())


def _accepted() -> Select[tuple[str]]:
    return select(augmentation.c.transcript_id).where(augmentation.c.outcome == "accepted")


def rewrites(store: Store, rewrite_set: LabelSet, outcome: Outcome | None = None) -> list[Rewrite]:
    """The rewrites ordered from one model by one prompt, all of them or those with `outcome`."""
    columns = [augmentation.c[name] for name in Rewrite.__dataclass_fields__]
    query = select(*columns).join(label_request).where(of_label_set(rewrite_set, "rewrite"))
    if outcome is not None:
        query = query.where(augmentation.c.outcome == outcome)
    with store.read() as connection:
        return [Rewrite(*row) for row in connection.execute(query.order_by(augmentation.c.request_id))]


def order_rewrites(store: Store, rewrite_set: LabelSet, wanted: Iterable[tuple[str, str, int]]) -> int:
    """Order rewrites, each given as parent, trait and target score; returns how many were new."""
    rows = [
        request_row("rewrite", parent, rewrite_set, target_trait=trait, target_score=score)
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


def enter_rewrite(connection: Connection, order: Order, descendant: Descendant) -> None:
    """Store the text of a rewrite; its request is done."""
    enter_descendants(connection, [descendant])
    _update(connection, order.request_id, transcript_id=descendant.transcript_id)
    settle_done(connection, [order])


def refuse_rewrite(connection: Connection, order: Order, outcome: Outcome) -> None:
    """The text of a rewrite is not kept; its request is done all the same, for it was answered."""
    _update(connection, order.request_id, outcome=outcome)
    settle_done(connection, [order])


def _update(connection: Connection, request_id: str, **values: Any) -> None:
    connection.execute(update(augmentation).where(augmentation.c.request_id == request_id).values(**values))


def blind_scores(store: Store, label_set: LabelSet, pending: Sequence[Rewrite]) -> dict[str, int]:
    """By request id, the score that a rewrite's text was given on the trait it aims at; those not labelled are missing."""
    aimed = (
        select(augmentation.c.request_id, label_score.c.score)
        .join(label_score, label_score.c.transcript_id == augmentation.c.transcript_id)
        .where(label_score.c.trait == augmentation.c.trait, augmentation.c.outcome == "pending")
        .where(_labels_of(label_set))
    )
    wanted = {rewrite.request_id for rewrite in pending}
    with store.read() as connection:
        rows = connection.execute(aimed).all()
    return {row.request_id: row.score for row in rows if row.request_id in wanted}


def failed_requests(store: Store, label_set: LabelSet, rewrite_set: LabelSet) -> tuple[set[str], set[str]]:
    """What can come to nothing more: requests of rewrites, and transcripts whose blind label, that failed for good."""
    failed = and_(label_request.c.state == "failed", label_request.c.attempts >= MAX_ANSWERS)
    with store.read() as connection:
        texts = connection.execute(
            select(label_request.c.request_id).where(of_label_set(rewrite_set, "rewrite"), failed)
        )
        labels = connection.execute(
            select(label_request.c.transcript_id).where(of_label_set(label_set, "relabel"), failed)
        )
        return set(texts.scalars()), set(labels.scalars())


def settle_verdicts(store: Store, verdicts: Sequence[Verdict]) -> None:
    """Write down what became of rewrites."""
    if not verdicts:
        return
    with store.write() as connection:
        for verdict in verdicts:
            _update(connection, verdict.request_id, outcome=verdict.outcome, relabelled_score=verdict.relabelled_score)
