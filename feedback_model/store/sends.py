"""Tries at requests, written down before anything leaves this machine, and the running total that budgets are checked against.

A try is open from before it is sent until its reply is kept or its end is known. What nobody knows the end of (its sender
died, its connection broke) is booked as unknown at the most it may have cost. Money is in billionths of a dollar, so that
sums are exact. Knows nothing of the endpoint.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from feedback_model.records import LabelSet
from feedback_model.store.claims import is_dead
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.leases import process_owner
from feedback_model.store.ledger import Purpose, chunks
from feedback_model.store.tables import label_attempt, label_request, spending
from feedback_model.store.upsert import insert_missing

NANOS: Final = 1_000_000_000
Outcome = Literal["open", "answered", "refused", "unknown", "reclaimed"]
Admission = Literal["sent", "wait", "over"]


@dataclass(frozen=True, slots=True)
class Send:
    """One try at a request."""

    send_id: str
    request_id: str
    label_set: LabelSet
    reserved: int
    """The most it may cost, in billionths of a dollar; nothing to speak of where the model has no known price."""
    budget: int | None = None
    """What the label set may cost in all, earlier runs included; None without a budget."""
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """What became of a try that brought no reply."""

    send: Send
    outcome: Outcome
    error: str


@dataclass(frozen=True, slots=True)
class Spending:
    """What a label set has cost, in billionths of a dollar."""

    spent: int = 0
    reserved: int = 0
    """Of tries that are under way, at most."""
    unknown: int = 0
    """Of tries whose end nobody knows, at most."""


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


def open_sends(connection: Connection, tries: Sequence[Send]) -> list[Admission]:
    """Write down the tries that their budget allows; others `wait`, where tries under way may come out cheaper, or are `over`."""
    standing = {label_set: _lock(connection, label_set) for label_set in {each.label_set for each in tries}}
    reserved: Counter[LabelSet] = Counter()
    admissions: list[Admission] = [_admit(each, standing[each.label_set], reserved) for each in tries]
    waiting = {each.label_set for each, admission in zip(tries, admissions, strict=True) if admission == "wait"}
    if waiting and not reserved and not any(_answers_soon(connection, label_set) for label_set in waiting):
        admissions = ["over" if each == "wait" else each for each in admissions]
    rows = [_row(each) for each, admission in zip(tries, admissions, strict=True) if admission == "sent"]
    if rows:
        connection.execute(insert(label_attempt), rows)
    add_spending(connection, {label_set: Spending(reserved=nanos) for label_set, nanos in reserved.items()})
    return admissions


def _admit(each: Send, standing: Spending, reserved: Counter[LabelSet]) -> Admission:
    if each.budget is not None:
        certain = standing.spent + standing.unknown + each.reserved
        under_way = standing.reserved + reserved[each.label_set]
        if certain + under_way > each.budget:
            return "wait" if under_way else "over"
    reserved[each.label_set] += each.reserved
    return "sent"


def _answers_soon(connection: Connection, label_set: LabelSet) -> bool:
    """Whether any try under way is one that is waited for: what a batch holds back, it may hold for a day."""
    asked_now = (
        select(label_attempt.c.attempt_id)
        .join(label_request)
        .where(label_attempt.c.outcome == "open", label_attempt.c.job_id.is_(None))
        .where(
            label_request.c.label_model == label_set.label_model,
            label_request.c.prompt_version == label_set.prompt_version,
        )
    )
    return connection.execute(asked_now.limit(1)).first() is not None


def _row(each: Send) -> dict[str, Any]:
    return {
        "attempt_id": each.send_id,
        "request_id": each.request_id,
        "sent_at": now(),
        "owner": process_owner(),
        "reserved_nanos": each.reserved,
        "outcome": "open",
        "job_id": each.job_id,
    }


def close_sends(connection: Connection, closings: Sequence[Closing]) -> list[None]:
    """Write down the ends of tries that brought no reply, and free what was reserved for them."""
    mark_sends(connection, [(each.send.send_id, each.outcome, each.error) for each in closings])
    more: dict[LabelSet, Spending] = {}
    for each in closings:
        unknown = each.send.reserved if each.outcome == "unknown" else 0
        before = more.get(each.send.label_set, Spending())
        more[each.send.label_set] = Spending(0, before.reserved - each.send.reserved, before.unknown + unknown)
    add_spending(connection, more)
    return [None] * len(closings)


def mark_sends(connection: Connection, ends: Iterable[tuple[str, Outcome, str | None]]) -> None:
    """Set the outcome and error of tries, by id."""
    rows = [{"closed_id": name, "outcome_now": outcome, "error_now": error} for name, outcome, error in ends]
    if rows:
        connection.execute(_CLOSE, rows)


def add_spending(connection: Connection, more: dict[LabelSet, Spending]) -> None:
    """Add to what label sets have cost."""
    rows = [
        {"model": label_set.label_model, "prompt": label_set.prompt_version}
        | {"more_spent": each.spent, "more_reserved": each.reserved, "more_unknown": each.unknown}
        for label_set, each in more.items()
        if each != Spending()
    ]
    if rows:
        connection.execute(_ADD, rows)


def _lock(connection: Connection, label_set: LabelSet) -> Spending:
    """What a label set has cost; nobody else changes it until this transaction ends."""
    name = {"label_model": label_set.label_model, "prompt_version": label_set.prompt_version}
    query = select(spending.c.spent_nanos, spending.c.reserved_nanos, spending.c.unknown_nanos).filter_by(**name)
    found = connection.execute(query.with_for_update()).first()
    if found is None:
        insert_missing(connection, spending, [{**name, "spent_nanos": 0, "reserved_nanos": 0, "unknown_nanos": 0}])
        found = connection.execute(query.with_for_update()).one()
    return Spending(*found)


def read_spending(store: Store, label_set: LabelSet) -> Spending:
    """What a label set has cost so far."""
    query = select(spending.c.spent_nanos, spending.c.reserved_nanos, spending.c.unknown_nanos).filter_by(
        label_model=label_set.label_model, prompt_version=label_set.prompt_version
    )
    with store.read() as connection:
        found = connection.execute(query).first()
    return Spending(*found) if found else Spending()


@dataclass(frozen=True, slots=True)
class Lost:
    """Tries whose sender is gone, adopted by this process."""

    sends: tuple[Send, ...] = ()
    requests: frozenset[str] = frozenset()
    """Of these, requests that their sender had claimed, and which are ours now."""


def adopt_lost_sends(store: Store, model: str, purposes: Sequence[Purpose]) -> Lost:
    """Make open tries at `model` ours whose sender is gone; whoever adopts them must say what became of them.

    Their requests with them: whoever else freed dead claims would buy them again while we search for their replies.
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
        # Whoever is at work renews its claims, those included that it waits for.
        dead = [owner for owner, *moments in connection.execute(under_way).tuples() if is_dead(owner, max(moments))]
        lost = and_(
            label_attempt.c.outcome == "open",
            label_attempt.c.owner.in_(dead),
            label_attempt.c.job_id.is_(None),
            label_attempt.c.request_id.in_(asked),
        )
        adopting = update(label_attempt).where(lost).values(owner=process_owner()).returning(label_attempt.c.attempt_id)
        adopted = connection.execute(adopting).scalars().all()
        found = tuple(each for chunk in chunks(adopted) for each in _sends(connection, chunk))
        taken: set[str] = set()
        for chunk in chunks(each.request_id for each in found):
            claimed = and_(
                label_request.c.request_id.in_(chunk),
                label_request.c.state == "claimed",
                label_request.c.claimed_by.in_(dead),
            )
            taking = update(label_request).where(claimed).values(claimed_by=process_owner(), updated_at=now())
            taken.update(connection.execute(taking.returning(label_request.c.request_id)).scalars())
        return Lost(found, frozenset(taken))


def _sends(connection: Connection, send_ids: Sequence[str]) -> list[Send]:
    query = (
        select(label_attempt, label_request.c.label_model, label_request.c.prompt_version)
        .join(label_request)
        .where(label_attempt.c.attempt_id.in_(send_ids))
    )
    return [
        Send(row.attempt_id, row.request_id, LabelSet(row.label_model, row.prompt_version), row.reserved_nanos)
        for row in connection.execute(query)
    ]


def book_unknown(store: Store, lost: Sequence[Send], error: str = "sender_died") -> None:
    """Book tries whose end nobody knows, at the most that they may have cost."""
    if lost:
        with store.write() as connection:
            close_sends(connection, [Closing(each, "unknown", error) for each in lost])


def in_nanos(dollars: float, round_to: Callable[[float], int] = round) -> int:
    """Dollars as billionths; give `math.ceil` where it must not be too little."""
    return round_to(dollars * NANOS)
