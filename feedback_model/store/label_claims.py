"""Claims on requests, and their recovery when the owner dies.

A claim is made in one transaction before anything is sent, so two runs never ask for one thing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_, select, update

from feedback_model.records.labels import LabellingConfig, LabelRequest, Purpose
from feedback_model.store.clock import DatabaseNow, read_clock
from feedback_model.store.connection import Store
from feedback_model.store.label_requests import chunks, of_config
from feedback_model.store.owners import is_alive, process_owner
from feedback_model.store.tables import label_attempt, label_request, label_response, transcript

CLAIM_LIFETIME: Final = 120.0  # seconds until a silent claim from another host counts as dead


_OPEN_ATTEMPTS: Final = select(label_attempt.c.request_id).where(
    label_attempt.c.outcome == "open", label_attempt.c.job_id.is_(None)
)


@dataclass(frozen=True, slots=True)
class UnprocessedResponse:
    """A stored response whose process died before it read it."""

    request: LabelRequest
    response_id: int
    body: bytes


def is_dead(owner: str, updated_at: str, present: datetime) -> bool:
    """Tell whether a process is gone: known at once on this host, on another by its silence since the last heartbeat.

    Args:
        updated_at: when it was last heard of.
        present: both by the database's clock.
    """
    alive = is_alive(owner)
    if alive is None:
        return (present - datetime.fromisoformat(updated_at)).total_seconds() > CLAIM_LIFETIME
    return not alive


def _dead_owners(connection: Connection) -> list[str]:
    claims = (
        select(label_request.c.claimed_by, func.max(label_request.c.updated_at).label("last"))
        .where(label_request.c.state.in_(("claimed", "answered")), label_request.c.claimed_by.is_not(None))
        .group_by(label_request.c.claimed_by)
    )
    rows, present = connection.execute(claims).all(), read_clock(connection)
    return [row.claimed_by for row in rows if is_dead(row.claimed_by, row.last, present)]


def free_dead_claims(store: Store) -> int:
    """Give back what processes that are gone had claimed and not sent; returns how many.

    Requests with an open attempt may have been answered: `label_attempts.take_over_lost_attempts` takes care of those.
    """
    with store.read() as connection:
        dead = _dead_owners(connection)
    if not dead:
        return 0
    unsent = label_request.c.request_id.not_in(_OPEN_ATTEMPTS)
    theirs = and_(label_request.c.state == "claimed", label_request.c.claimed_by.in_(dead), unsent)
    with store.write() as connection:
        return connection.execute(update(label_request).where(theirs).values(state="queued", claimed_by=None)).rowcount


def claim_next(
    store: Store, labelling_config: LabellingConfig, purpose: Purpose, count: int
) -> tuple[LabelRequest, ...]:
    """Claim up to `count` queued requests; in one transaction, so no two processes get the same."""
    free = and_(of_config(labelling_config, purpose), label_request.c.state == "queued")
    waiting = select(label_request.c.request_id).where(free).limit(count).with_for_update(skip_locked=True)
    claimed: list[LabelRequest] = []
    with store.write() as connection:
        for chunk in chunks(connection.execute(waiting).scalars().all()):
            taking = update(label_request).where(label_request.c.request_id.in_(chunk))
            connection.execute(taking.values(state="claimed", claimed_by=process_owner(), updated_at=DatabaseNow()))
            claimed.extend(requests_of(connection, chunk))
    return tuple(claimed)


def requests_of(connection: Connection, request_ids: Sequence[str]) -> Iterator[LabelRequest]:
    """Read the requests with their texts, in the order of the ids."""
    query = select(label_request, transcript.c.text).join(transcript).where(label_request.c.request_id.in_(request_ids))
    rows = {row.request_id: row for row in connection.execute(query)}
    asked_again = [request_id for request_id, row in rows.items() if row.attempts and row.error]
    bodies = {row.request_id: row.body for row in _newest_responses(connection, asked_again)} if asked_again else {}
    return (_request(rows[request_id], bodies.get(request_id)) for request_id in request_ids)


def _request(row: Any, last_response: bytes | None) -> LabelRequest:
    return LabelRequest(
        row.request_id, row.purpose, row.transcript_id, row.text, row.label_model, row.prompt_version, row.replicate,
        row.target_trait, row.target_score, row.attempts, row.error if row.attempts else None, last_response,
    )  # fmt: skip


def _newest_responses(connection: Connection, request_ids: Sequence[str]) -> Sequence[Any]:
    newest = (
        select(func.max(label_response.c.response_id))
        .where(label_response.c.request_id.in_(request_ids))
        .group_by(label_response.c.request_id)
    )
    found = select(label_response.c.request_id, label_response.c.response_id, label_response.c.body)
    return connection.execute(found.where(label_response.c.response_id.in_(newest))).all()


def take_over_claims(store: Store, request_ids: Sequence[str]) -> dict[str, LabelRequest]:
    """Claim those of `request_ids` that are not done and that no living process has; returns them by id."""
    taken: dict[str, LabelRequest] = {}
    with store.write() as connection:
        dead = _dead_owners(connection)
        for chunk in chunks(request_ids):
            nobodys = or_(label_request.c.state == "queued", label_request.c.claimed_by.in_([*dead, process_owner()]))
            open_still = label_request.c.state.in_(("queued", "claimed", "failed"))
            taking = update(label_request).where(label_request.c.request_id.in_(chunk), nobodys, open_still)
            owned = taking.values(state="claimed", claimed_by=process_owner(), updated_at=DatabaseNow())
            ids = connection.execute(owned.returning(label_request.c.request_id)).scalars().all()
            taken |= {request.request_id: request for request in requests_of(connection, ids)}
    return taken


def renew_claims(connection: Connection, beats: Sequence[None]) -> list[None]:
    """Show other hosts that this process is still at work on its claims."""
    ours = and_(label_request.c.state == "claimed", label_request.c.claimed_by == process_owner())
    # A locked one is being written just now, and waiting for that could be a deadlock.
    idle = select(label_request.c.request_id).where(ours).with_for_update(skip_locked=True)
    connection.execute(
        update(label_request).where(label_request.c.request_id.in_(idle)).values(updated_at=DatabaseNow())
    )
    return [None] * len(beats)


def release(store: Store, request_ids: Iterable[str]) -> None:
    """Give back those of `request_ids` that we claimed and that have no open attempt."""
    with store.write() as connection:
        for chunk in chunks(request_ids):
            ours = and_(
                label_request.c.request_id.in_(chunk),
                label_request.c.state == "claimed",
                label_request.c.claimed_by == process_owner(),
                label_request.c.request_id.not_in(_OPEN_ATTEMPTS),
            )
            connection.execute(update(label_request).where(ours).values(state="queued", claimed_by=None))


def claimed_elsewhere(store: Store, labelling_config: LabellingConfig, purpose: Purpose) -> dict[str, int]:
    """Count the requests of a labelling configuration that other processes have claimed, by owner; those of a batch have none."""
    theirs = and_(
        of_config(labelling_config, purpose),
        label_request.c.state.in_(("claimed", "answered")),
        label_request.c.claimed_by != process_owner(),
    )
    counts = select(label_request.c.claimed_by, func.count()).where(theirs).group_by(label_request.c.claimed_by)
    with store.read() as connection:
        return dict(connection.execute(counts).tuples().all())


def take_over_unprocessed(store: Store, purpose: Purpose) -> tuple[UnprocessedResponse, ...]:
    """Take over the responses to `purpose` whose process died between storing and reading them."""
    with store.write() as connection:
        # Those of a batch have no owner, and reading one twice changes nothing.
        nobodys = or_(label_request.c.claimed_by.is_(None), label_request.c.claimed_by.in_(_dead_owners(connection)))
        lost = and_(label_request.c.purpose == purpose, label_request.c.state == "answered", nobodys)
        taking_over = update(label_request).where(lost).values(claimed_by=process_owner(), updated_at=DatabaseNow())
        taken = connection.execute(taking_over.returning(label_request.c.request_id)).scalars().all()
        unprocessed = (_unprocessed(connection, chunk) for chunk in chunks(taken))
        return tuple(each for chunk in unprocessed for each in chunk)


def _unprocessed(connection: Connection, request_ids: Sequence[str]) -> list[UnprocessedResponse]:
    rows = _newest_responses(connection, request_ids)
    requests = {request.request_id: request for request in requests_of(connection, request_ids)}
    return [UnprocessedResponse(requests[row.request_id], row.response_id, row.body) for row in rows]
