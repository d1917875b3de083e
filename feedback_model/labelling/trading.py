"""What a reply is worth: how it is read, and where what it says lands. Knows nothing of how it was bought."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from feedback_model.labelling.replies import Problem
from feedback_model.store import claims, ledger, replies
from feedback_model.store.connection import Connection, Store
from feedback_model.store.replies import Settle, Settlement, Unusable

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Trade(Generic[Answer]):
    """How answers of one kind are read and where they land."""

    read: Callable[[bytes], Answer | Problem]
    settle: Settle[Answer]


def read_orphans(store: Store, purpose: ledger.Purpose, trade: Trade[Answer]) -> int:
    """Read the replies that were committed by a process that died before it read them; returns how many."""
    orphans = claims.adopt_unread(store, purpose)
    for orphan in orphans:
        with store.write() as connection:
            settle_reply(connection, trade, orphan.order, orphan.reply_id, orphan.body)
    return len(orphans)


def settle_reply(connection: Connection, trade: Trade[Answer], order: ledger.Order, reply_id: int, body: bytes) -> bool:
    """Read a reply that is kept and counted among the attempts of `order`, and write down what it gives; True if of use."""
    answer = trade.read(body)
    if isinstance(answer, Problem):
        state: ledger.RequestState = "wanted" if order.attempts < ledger.MAX_ANSWERS else "failed"
        replies.settle_problems(connection, [Unusable(order, reply_id, answer.code, state)])
        return False
    trade.settle(connection, [Settlement(order, reply_id, answer)])
    return True


def counted(order: ledger.Order) -> ledger.Order:
    """`order` after one more reply to it was kept."""
    return replace(order, attempts=order.attempts + 1)
