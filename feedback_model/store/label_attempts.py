"""Attempts at requests, written down before they are sent, and the running total that budgets are checked against.

An attempt is open from before it is sent until its response is stored or its end is known. One whose end nobody knows (its
sender died, its connection broke) is booked as unknown at the most it may have cost. Money is in billionths of a dollar, so
that sums are exact.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from feedback_model.records.labels import Attempt, AttemptOutcome, ClosedAttempt, LabellingConfig, Purpose, Spending
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import DatabaseNow, read_clock
from feedback_model.store.connection import Store
from feedback_model.store.label_claims import is_dead
from feedback_model.store.label_requests import chunks
from feedback_model.store.owners import process_owner
from feedback_model.store.tables import label_attempt, label_request, spending

NANOS: Final = 1_000_000_000

Admission = Literal["sent", "wait", "over"]

_CLOSE = (
    update(label_attempt)
    .where(label_attempt.c.attempt_id == bindparam("closed_id"))
    .values(outcome=bindparam("outcome_now"), error=bindparam("error_now"))
)

_ADD = (
    update(spending)
    .where(spending.c.label_model == bindparam("model"), spending.c.prompt_version == bindparam("prompt"))
    .values(
        spent_nanos=spending.c.spent_nanos + bindparam("more_spent"),
        reserved_nanos=spending.c.reserved_nanos + bindparam("more_reserved"),
        unknown_nanos=spending.c.unknown_nanos + bindparam("more_unknown"),
    )
)


def open_attempts(connection: Connection, attempts: Sequence[Attempt]) -> list[Admission]:
    """Write down the attempts that their budget allows; others `wait` for cheaper ends of those under way, or are `over`."""
    totals = {
        labelling_config: _lock(connection, labelling_config)
        for labelling_config in {each.labelling_config for each in attempts}
    }
    reserved: Counter[LabellingConfig] = Counter()
    admissions: list[Admission] = [_admit(each, totals[each.labelling_config], reserved) for each in attempts]
    waiting = {
        each.labelling_config for each, admission in zip(attempts, admissions, strict=True) if admission == "wait"
    }
    if (
        waiting
        and not reserved
        and not any(_answers_soon(connection, labelling_config) for labelling_config in waiting)
    ):
        admissions = ["over" if each == "wait" else each for each in admissions]
    rows = [_row(each) for each, admission in zip(attempts, admissions, strict=True) if admission == "sent"]
    if rows:
        connection.execute(insert(label_attempt).values(sent_at=DatabaseNow()), rows)
    add_spending(
        connection, {labelling_config: Spending(reserved=nanos) for labelling_config, nanos in reserved.items()}
    )
    return admissions


def _admit(each: Attempt, totals: Spending, reserved: Counter[LabellingConfig]) -> Admission:
    if each.budget is not None:
        certain = totals.spent + totals.unknown + each.reserved
        under_way = totals.reserved + reserved[each.labelling_config]
        if certain + under_way > each.budget:
            return "wait" if under_way else "over"
    reserved[each.labelling_config] += each.reserved
    return "sent"


def _answers_soon(connection: Connection, labelling_config: LabellingConfig) -> bool:
    """Tell whether any attempt under way is worth waiting for: a batch may hold its reserve for a day."""
    asked_now = (
        select(label_attempt.c.attempt_id)
        .join(label_request)
        .where(label_attempt.c.outcome == "open", label_attempt.c.job_id.is_(None))
        .where(
            label_request.c.label_model == labelling_config.label_model,
            label_request.c.prompt_version == labelling_config.prompt_version,
        )
    )
    return connection.execute(asked_now.limit(1)).first() is not None


def _row(each: Attempt) -> dict[str, Any]:
    return {
        "attempt_id": each.attempt_id,
        "request_id": each.request_id,
        "owner": process_owner(),
        "reserved_nanos": each.reserved,
        "outcome": "open",
        "job_id": each.job_id,
    }


def close_attempts(connection: Connection, closings: Sequence[ClosedAttempt]) -> list[None]:
    """Write down the ends of attempts that brought no response, and free what was reserved for them."""
    mark_attempts(connection, [(each.attempt.attempt_id, each.outcome, each.error) for each in closings])
    more: dict[LabellingConfig, Spending] = {}
    for each in closings:
        unknown = each.attempt.reserved if each.outcome == "unknown" else 0
        before = more.get(each.attempt.labelling_config, Spending())
        more[each.attempt.labelling_config] = Spending(
            0, before.reserved - each.attempt.reserved, before.unknown + unknown
        )
    add_spending(connection, more)
    return [None] * len(closings)


def mark_attempts(connection: Connection, ends: Iterable[tuple[str, AttemptOutcome, str | None]]) -> None:
    """Set the outcome and error of attempts, by id."""
    rows = [{"closed_id": name, "outcome_now": outcome, "error_now": error} for name, outcome, error in ends]
    if rows:
        connection.execute(_CLOSE, rows)


def add_spending(connection: Connection, more: dict[LabellingConfig, Spending]) -> None:
    """Add to the cost of labelling configurations."""
    rows = [
        {"model": labelling_config.label_model, "prompt": labelling_config.prompt_version}
        | {"more_spent": each.spent, "more_reserved": each.reserved, "more_unknown": each.unknown}
        for labelling_config, each in more.items()
        if each != Spending()
    ]
    if rows:
        connection.execute(_ADD, rows)


def _lock(connection: Connection, labelling_config: LabellingConfig) -> Spending:
    """Read and lock the cost of a labelling configuration, until this transaction ends."""
    name = {"label_model": labelling_config.label_model, "prompt_version": labelling_config.prompt_version}
    query = select(spending.c.spent_nanos, spending.c.reserved_nanos, spending.c.unknown_nanos).filter_by(**name)
    found = connection.execute(query.with_for_update()).first()
    if found is None:
        insert_missing(connection, spending, [{**name, "spent_nanos": 0, "reserved_nanos": 0, "unknown_nanos": 0}])
        found = connection.execute(query.with_for_update()).one()
    return Spending(*found)


def read_spending(store: Store, labelling_config: LabellingConfig) -> Spending:
    """Read the cost of a labelling configuration so far."""
    query = select(spending.c.spent_nanos, spending.c.reserved_nanos, spending.c.unknown_nanos).filter_by(
        label_model=labelling_config.label_model, prompt_version=labelling_config.prompt_version
    )
    with store.read() as connection:
        found = connection.execute(query).first()
    return Spending(*found) if found else Spending()


@dataclass(frozen=True, slots=True)
class LostAttempts:
    """Attempts whose sender is gone, taken over by this process."""

    attempts: tuple[Attempt, ...] = ()
    requests: frozenset[str] = frozenset()
    """Of these, requests that their sender had claimed, and which are ours now."""


def take_over_lost_attempts(store: Store, model: str, purposes: Sequence[Purpose]) -> LostAttempts:
    """Take over the open attempts at `model` whose sender is gone; the caller must write down their ends.

    Their requests with them: a process that frees dead claims would ask again while we search for their responses.
    """
    asked = select(label_request.c.request_id).where(
        label_request.c.purpose.in_(purposes), label_request.c.label_model == model
    )
    with store.write() as connection:
        under_way = (
            select(label_attempt.c.owner, func.max(label_attempt.c.sent_at), func.max(label_request.c.updated_at))
            .join(label_request)
            .where(label_attempt.c.outcome == "open")
            .group_by(label_attempt.c.owner)
        )
        # A process at work renews its claims, those included that it waits for.
        rows, present = connection.execute(under_way).tuples().all(), read_clock(connection)
        dead = [owner for owner, *moments in rows if is_dead(owner, max(moments), present)]
        lost = and_(
            label_attempt.c.outcome == "open",
            label_attempt.c.owner.in_(dead),
            label_attempt.c.job_id.is_(None),
            label_attempt.c.request_id.in_(asked),
        )
        taking_over = (
            update(label_attempt).where(lost).values(owner=process_owner()).returning(label_attempt.c.attempt_id)
        )
        taken_over = connection.execute(taking_over).scalars().all()
        found = tuple(each for chunk in chunks(taken_over) for each in read_attempts(connection, chunk))
        taken: set[str] = set()
        for chunk in chunks(each.request_id for each in found):
            claimed = and_(
                label_request.c.request_id.in_(chunk),
                label_request.c.state == "claimed",
                label_request.c.claimed_by.in_(dead),
            )
            taking = update(label_request).where(claimed).values(claimed_by=process_owner(), updated_at=DatabaseNow())
            taken.update(connection.execute(taking.returning(label_request.c.request_id)).scalars())
        return LostAttempts(found, frozenset(taken))


def read_attempts(connection: Connection, attempt_ids: Sequence[str]) -> list[Attempt]:
    """Read attempts by id."""
    query = (
        select(label_attempt, label_request.c.label_model, label_request.c.prompt_version)
        .join(label_request)
        .where(label_attempt.c.attempt_id.in_(attempt_ids))
    )
    return [
        Attempt(
            row.attempt_id, row.request_id, LabellingConfig(row.label_model, row.prompt_version), row.reserved_nanos
        )
        for row in connection.execute(query)
    ]


def book_unknown(store: Store, lost: Sequence[Attempt]) -> None:
    """Book attempts whose end nobody knows, at the most that they may have cost."""
    if lost:
        with store.write() as connection:
            close_attempts(connection, [ClosedAttempt(each, "unknown", "sender_died") for each in lost])


def in_nanos(dollars: float, round_to: Callable[[float], int] = round) -> int:
    """Convert dollars to billionths; give `math.ceil` where it must not be too little."""
    return round_to(dollars * NANOS)
