"""Requests to the labeller.

A request goes queued -> claimed -> answered -> done or failed. A claim is made in one transaction before anything is
sent (`label_claims`), each attempt is written down before it is sent (`label_attempts`), and a response is committed before
anyone reads it (`label_responses`); so two runs pay for nothing twice, and what a kill may have lost is known and booked.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, and_, except_, func, not_, or_, select, union_all, update

from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import LabellingConfig, Purpose, RequestState
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import DatabaseNow, now
from feedback_model.store.connection import Store
from feedback_model.store.tables import augmentation, label, label_request, label_response, transcript

MAX_ANSWERS: Final = 3  # responses paid for one request before it is set aside

SPENT: Final = or_(label_request.c.attempts >= MAX_ANSWERS, label_request.c.detail.is_not(None))
"""Of failed requests, those that asking again would not mend: answered badly so often, or refused for good."""

ENQUEUED_AT_ONCE: Final = 5_000  # requests entered in one transaction

CHUNK: Final = 500  # ids per statement; SQLite takes 32,766 parameters at most


def request_row(
    purpose: Purpose,
    transcript_id: str,
    labelling_config: LabellingConfig,
    *,
    replicate: int = 0,
    target_trait: str | None = None,
    target_score: int | None = None,
) -> dict[str, Any]:
    """Build a new row of `label_request`, named by its content."""
    asked = (
        purpose,
        transcript_id,
        labelling_config.label_model,
        labelling_config.prompt_version,
        replicate,
        target_trait,
    )
    moment = now()
    return {
        "request_id": content_id("request", *asked, target_score),
        "purpose": purpose,
        "transcript_id": transcript_id,
        "label_model": labelling_config.label_model,
        "prompt_version": labelling_config.prompt_version,
        "replicate": replicate,
        "target_trait": target_trait,
        "target_score": target_score,
        "state": "queued",
        "created_at": moment,
        "updated_at": moment,
    }


FORGOTTEN: Final = "forgotten"
"""Code of a request about a text that was forgotten, which is never asked again; origin of a tombstone."""


def of_config(labelling_config: LabellingConfig, purpose: Purpose) -> ColumnElement[bool]:
    """Select the requests of one purpose and one labelling configuration."""
    return and_(
        label_request.c.label_model == labelling_config.label_model,
        label_request.c.prompt_version == labelling_config.prompt_version,
        label_request.c.purpose == purpose,
    )


def chunks(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Cut `ids` into pieces that fit into one statement."""
    ids = tuple(ids)
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def _unasked(labelling_config: LabellingConfig) -> tuple[CompoundSelect[tuple[str]], ...]:
    """Select the transcripts without a label or a request: real ones, and rewrites that this labeller accepted."""
    real = select(transcript.c.transcript_id).where(transcript.c.origin == "real")
    # Rewrites of another labeller never get a label of this one.
    ours = (
        select(augmentation.c.transcript_id)
        .join(label_request, label_request.c.request_id == augmentation.c.request_id)
        .where(augmentation.c.outcome == "accepted", label_request.c.label_model == labelling_config.label_model)
    )
    asked = select(label_request.c.transcript_id).where(
        of_config(labelling_config, "label"), label_request.c.replicate == 0
    )
    labelled = select(label.c.transcript_id).where(
        label.c.label_model == labelling_config.label_model,
        label.c.prompt_version == labelling_config.prompt_version,
        label.c.replicate == 0,
    )
    # Sets in order, which SQLite merges from its indexes: a million in a second. A correlated EXISTS needs hours if the planner
    # takes the wrong index for it, and sets without an order are first sorted.
    return tuple(except_(candidates, labelled, asked).order_by("transcript_id") for candidates in (real, ours))


def enqueue_labels(
    store: Store, labelling_config: LabellingConfig, limit: int | None, relabel_share: float = 0.0
) -> int:
    """Queue a label for every transcript that has none and no request yet, up to `limit`; returns how many.

    Args:
        relabel_share: share of these that is queued a second time; their ids decide which.
    """
    n_queued = 0
    with store.read() as connection:
        for unasked in _unasked(labelling_config):
            left = None if limit is None else limit - n_queued
            missing = connection.execution_options(stream_results=True).execute(unasked.limit(left)).scalars()
            for names in missing.partitions(ENQUEUED_AT_ONCE):
                rows = [request_row("label", name, labelling_config) for name in names]
                again = (name for name in names if _is_sampled(name, relabel_share))
                # In one transaction: a second label would never be queued where the first stands alone.
                enqueue(store, rows + [request_row("label", name, labelling_config, replicate=1) for name in again])
                n_queued += len(rows)
    return n_queued


def _is_sampled(transcript_id: str, share: float) -> bool:
    return int(content_id("relabel sample", transcript_id)[:8], 16) < share * 16**8


@dataclass(frozen=True, slots=True)
class Missing:
    """Missing labels of a labelling configuration."""

    n_unasked: int
    n_queued: int
    """Queued, those included that the endpoint failed to answer and that are asked again."""
    n_characters: int
    """Of the texts of both."""


@dataclass(frozen=True, slots=True)
class MeanUsage:
    """Average token usage of the responses of one kind."""

    n_responses: int
    prompt_tokens: float
    cached_tokens: float
    completion_tokens: float


def measure_missing(store: Store, labelling_config: LabellingConfig) -> Missing:
    """Measure how much there is to label; queues nothing."""
    unasked = union_all(*(select(each.subquery().c.transcript_id) for each in _unasked(labelling_config))).subquery()
    size = func.coalesce(func.sum(func.length(transcript.c.text)), 0)
    asked_again = and_(label_request.c.state == "failed", not_(SPENT))
    waiting = and_(of_config(labelling_config, "label"), or_(label_request.c.state == "queued", asked_again))
    with store.read() as connection:
        n_unasked, first = connection.execute(
            select(func.count(), size)
            .select_from(unasked)
            .join(transcript, transcript.c.transcript_id == unasked.c.transcript_id)
        ).one()
        n_queued, second = connection.execute(
            select(func.count(), size).select_from(label_request).join(transcript).where(waiting)
        ).one()
    return Missing(n_unasked, n_queued, first + second)


def mean_usage(store: Store, labelling_config: LabellingConfig, purpose: Purpose) -> MeanUsage | None:
    """Average the token usage of responses so far; None before the first that told."""
    tokens = (
        label_response.c.prompt_tokens,
        func.coalesce(label_response.c.cached_tokens, 0),
        label_response.c.completion_tokens,
    )
    counted = select(func.count(), *map(func.avg, tokens)).join_from(label_response, label_request)
    said = and_(label_response.c.prompt_tokens.is_not(None), label_response.c.completion_tokens.is_not(None))
    with store.read() as connection:
        n_responses, *means = connection.execute(counted.where(of_config(labelling_config, purpose), said)).one()
    return MeanUsage(n_responses, *map(float, means)) if n_responses else None


def count_other_prompts(store: Store, labelling_config: LabellingConfig) -> int:
    """Count the labels by the same model under other versions of the prompt."""
    others = and_(
        label.c.label_model == labelling_config.label_model, label.c.prompt_version != labelling_config.prompt_version
    )
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(label).where(others)).scalar_one()


def enqueue(store: Store, rows: Sequence[dict[str, Any]]) -> int:
    """Insert `rows` of `request_row` that are not there yet; returns how many were new."""
    if not rows:
        return 0
    with store.write() as connection:
        return insert_missing(connection, label_request, rows)


def count_state(store: Store, labelling_config: LabellingConfig, purpose: Purpose, state: RequestState) -> int:
    """Count the requests of a labelling configuration in `state`."""
    counted = (
        select(func.count())
        .select_from(label_request)
        .where(of_config(labelling_config, purpose), label_request.c.state == state)
    )
    with store.read() as connection:
        return connection.execute(counted).scalar_one()


def enqueue_failed_again(store: Store, labelling_config: LabellingConfig, purpose: Purpose, *, spent: bool) -> None:
    """Queue failed requests again: those that met a fault, and with `spent` those answered badly or refused for good too."""
    which = and_(
        of_config(labelling_config, purpose),
        label_request.c.state == "failed",
        func.coalesce(label_request.c.error, "") != FORGOTTEN,
    )
    if not spent:
        which = and_(which, not_(SPENT))
    with store.write() as connection:
        queued = {"state": "queued", "attempts": 0, "detail": None, "updated_at": DatabaseNow()}
        connection.execute(update(label_request).where(which).values(queued))


def enqueue_refused_again(store: Store, request_ids: Sequence[str]) -> None:
    """Queue requests again whose refusal turned out not to be of them."""
    with store.write() as connection:
        for chunk in chunks(request_ids):
            refused = and_(label_request.c.request_id.in_(chunk), label_request.c.state == "failed")
            queued = {"state": "queued", "error": None, "detail": None, "updated_at": DatabaseNow()}
            connection.execute(update(label_request).where(refused).values(queued))
