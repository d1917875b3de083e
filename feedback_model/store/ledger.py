"""The ledger of what is to be bought from the labeller, and of every reply that was paid for.

A request goes wanted -> claimed -> answered -> done or failed. A claim is made in one transaction before anything is
sent, and a reply is committed before anyone reads it; so two runs buy nothing twice, and a kill loses at most what was
on its way. Knows nothing of the endpoint, nor of what a reply says.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar

from sqlalchemy import ColumnElement, CompoundSelect, Connection, and_, except_, func, insert, select, union, update

from feedback_model.feedback import Feedback
from feedback_model.records import LabelSet, content_id
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.tables import augmentation, label, label_score, reply, request, transcript
from feedback_model.store.upsert import insert_missing
from feedback_model.traits import TRAIT_KEYS

Answer_contra = TypeVar("Answer_contra", contravariant=True)
Purpose = Literal["label", "rewrite", "relabel"]
RequestState = Literal["wanted", "claimed", "answered", "done", "failed"]
MAX_ANSWERS: Final = 3  # replies paid for one request before it is set aside
CHUNK: Final = 500  # ids per statement; SQLite takes 32,766 parameters at most


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to buy, with the text it is about."""

    request_id: str
    purpose: Purpose
    transcript_id: str
    text: str
    label_model: str
    prompt_version: str
    replicate: int
    target_trait: str | None
    """Of a rewrite."""
    target_score: int | None
    attempts: int
    """Replies paid for so far."""


@dataclass(frozen=True, slots=True)
class PaidReply:
    """A reply as it came, with what its envelope says."""

    body: bytes
    provider_id: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    """None where the model has no known price."""


class Settle(Protocol[Answer_contra]):
    """Writes down what a usable reply gives, and that its request is done."""

    def __call__(self, connection: Connection, order: Order, reply_id: int, answer: Answer_contra) -> None:
        """Runs in the transaction of `connection`; may be called again after a kill."""
        ...


def request_row(
    purpose: Purpose,
    transcript_id: str,
    label_set: LabelSet,
    *,
    replicate: int = 0,
    target_trait: str | None = None,
    target_score: int | None = None,
) -> dict[str, Any]:
    """A new row of `request`, named by what it asks for."""
    asked = (purpose, transcript_id, label_set.label_model, label_set.prompt_version, replicate, target_trait)
    moment = now()
    return {
        "request_id": content_id("request", *asked, target_score),
        "purpose": purpose,
        "transcript_id": transcript_id,
        "label_model": label_set.label_model,
        "prompt_version": label_set.prompt_version,
        "replicate": replicate,
        "target_trait": target_trait,
        "target_score": target_score,
        "state": "wanted",
        "created_at": moment,
        "updated_at": moment,
    }


def of_label_set(label_set: LabelSet, purpose: Purpose) -> ColumnElement[bool]:
    """The requests of one purpose in one label set."""
    return and_(
        request.c.label_model == label_set.label_model,
        request.c.prompt_version == label_set.prompt_version,
        request.c.purpose == purpose,
    )


def chunks(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """`ids` in pieces that fit into one statement."""
    ids = tuple(ids)
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


# ---- planning ----------------------------------------------------------------------------------------------------


def _unasked(label_set: LabelSet) -> CompoundSelect[tuple[str]]:
    # Sets, not EXISTS: a planner that takes the wrong index for a correlated subquery needs hours for a million rows.
    real = select(transcript.c.transcript_id).where(transcript.c.origin == "real")
    # Rewrites of another labeller never enter this label set.
    ours = (
        select(augmentation.c.transcript_id)
        .join(request, request.c.request_id == augmentation.c.request_id)
        .where(augmentation.c.outcome == "accepted", request.c.label_model == label_set.label_model)
    )
    asked = select(request.c.transcript_id).where(of_label_set(label_set, "label"), request.c.replicate == 0)
    labelled = select(label.c.transcript_id).where(
        label.c.label_model == label_set.label_model,
        label.c.prompt_version == label_set.prompt_version,
        label.c.replicate == 0,
    )
    candidates = union(real, ours).subquery()
    return except_(select(candidates.c.transcript_id), asked, labelled).order_by("transcript_id")


def want_labels(store: Store, label_set: LabelSet, limit: int | None) -> int:
    """Order a label for every transcript that has none and was never asked about, up to `limit`; returns how many."""
    with store.read() as connection:
        missing = connection.execute(_unasked(label_set).limit(limit)).scalars().all()
    return want(store, [request_row("label", transcript_id, label_set) for transcript_id in missing])


def want(store: Store, rows: Sequence[dict[str, Any]]) -> int:
    """Enter `rows` of `request_row` that are not there yet; returns how many were new."""
    if not rows:
        return 0
    with store.write() as connection:
        return insert_missing(connection, request, rows)


def ids_in_state(store: Store, label_set: LabelSet, purpose: Purpose, state: RequestState) -> tuple[str, ...]:
    """The requests of a label set that are in `state`, in an order that does not depend on when they came."""
    wanted = select(request.c.request_id).where(of_label_set(label_set, purpose), request.c.state == state)
    with store.read() as connection:
        return tuple(connection.execute(wanted.order_by(request.c.transcript_id, request.c.request_id)).scalars())


def count_state(store: Store, label_set: LabelSet, purpose: Purpose, state: RequestState) -> int:
    """How many requests of a label set are in `state`."""
    counted = (
        select(func.count()).select_from(request).where(of_label_set(label_set, purpose), request.c.state == state)
    )
    with store.read() as connection:
        return connection.execute(counted).scalar_one()


def want_failed_again(store: Store, label_set: LabelSet, purpose: Purpose, *, spent: bool) -> None:
    """Put failed requests back: those the endpoint never answered, and with `spent` those it answered badly too."""
    which = and_(of_label_set(label_set, purpose), request.c.state == "failed")
    if not spent:
        which = and_(which, request.c.attempts < MAX_ANSWERS)
    with store.write() as connection:
        connection.execute(update(request).where(which).values(state="wanted", attempts=0, updated_at=now()))


# ---- replies -----------------------------------------------------------------------------------------------------


def keep_reply(connection: Connection, order: Order, paid: PaidReply) -> int:
    """Enter a reply that was paid for; returns its id. Nobody may read it before this is committed."""
    values = {
        "request_id": order.request_id,
        "received_at": now(),
        "body": paid.body,
        "provider_id": paid.provider_id,
        "finish_reason": paid.finish_reason,
        "prompt_tokens": paid.prompt_tokens,
        "cached_tokens": paid.cached_tokens,
        "completion_tokens": paid.completion_tokens,
        "cost_usd": paid.cost_usd,
    }
    reply_id = connection.execute(insert(reply).values(values).returning(reply.c.reply_id)).scalar_one()
    _move(connection, order, state="answered", attempts=request.c.attempts + 1)
    return reply_id


def settle_label(connection: Connection, order: Order, reply_id: int, answer: Feedback) -> None:
    """Enter the label a reply gives; its request is done."""
    name = {
        "transcript_id": order.transcript_id,
        "label_model": order.label_model,
        "prompt_version": order.prompt_version,
        "replicate": order.replicate,
    }
    if insert_missing(connection, label, [{**name, "reply_id": reply_id}]):
        scores = [
            {**name, "trait": key, "score": trait.score, "explanation": trait.explanation.replace("\x00", "")}
            for key, trait in zip(TRAIT_KEYS, answer.traits, strict=True)
        ]
        insert_missing(connection, label_score, scores)
    settle_done(connection, order)


def settle_done(connection: Connection, order: Order) -> None:
    """The request has what it asked for."""
    _move(connection, order, state="done", error=None)


def settle_problem(connection: Connection, order: Order, reply_id: int, problem: str, state: RequestState) -> None:
    """A reply cannot be used: book why, and leave its request in `state`."""
    connection.execute(update(reply).where(reply.c.reply_id == reply_id).values(problem=problem))
    _move(connection, order, state=state, error=problem)


def settle_failure(connection: Connection, order: Order, code: str) -> None:
    """The endpoint did not answer this request; set it aside as failed, nothing was paid."""
    _move(connection, order, state="failed", error=code)


def _move(connection: Connection, order: Order, **values: Any) -> None:
    changed = update(request).where(request.c.request_id == order.request_id)
    connection.execute(changed.values(updated_at=now(), **values))
