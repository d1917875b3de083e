"""Claims and tries in SQL, alike on both databases: what is whose, and what becomes of it when its owner dies."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from feedback_model.records.labels import Attempt, LabellingConfig, LabelRequest
from feedback_model.store import label_attempts, label_claims, label_requests
from feedback_model.store.connection import Store
from feedback_model.store.label_attempts import LostAttempts
from feedback_model.store.tables import label_attempt, label_request
from tests.labelling_rig import filled_store, settings_for, states
from tests.owners import owner_elsewhere, owner_that_ended

LABELS = LabellingConfig("gpt-4o-mini", "label-1")
GONE = owner_that_ended()


@pytest.fixture
def store(tmp_path: Path, any_store_url: str) -> Iterator[Store]:
    """Three transcripts whose labels are wanted."""
    opened = filled_store(settings_for(tmp_path).model_copy(update={"database_url": any_store_url}), 3)
    assert label_requests.enqueue_labels(opened, LABELS, None) == 3
    yield opened
    opened.close()


def ask(store: Store, order: LabelRequest, *, most: int = 5, budget: int | None = None) -> tuple[Attempt, str]:
    """Write a try down; returns it and whether it may be sent."""
    tried = Attempt(f"send-{order.request_id}", order.request_id, LABELS, most, budget)
    with store.write() as connection:
        (admission,) = label_attempts.open_attempts(connection, [tried])
    return tried, admission


def die(store: Store) -> None:
    """Let whoever claimed and sent be a process that is gone."""
    with store.write() as connection:
        connection.execute(update(label_request).values(claimed_by=GONE))
        connection.execute(update(label_attempt).values(owner=GONE))


def test_a_request_with_an_open_attempt_stays_claimed(store: Store) -> None:
    orders = label_claims.claim_next(store, LABELS, "label", 3)
    ask(store, orders[0])
    with store.write() as connection:
        label_claims.renew_claims(connection, [None])
    label_claims.release(store, [order.request_id for order in orders])
    assert states(store) == {("claimed", None): 1, ("queued", None): 2}


def test_unsent_claims_are_freed_sent_ones_recovered(store: Store) -> None:
    orders = label_claims.claim_next(store, LABELS, "label", 2)
    tried, _ = ask(store, orders[0])
    die(store)
    assert label_claims.free_dead_claims(store) == 1
    assert label_attempts.take_over_lost_attempts(store, "another-model", ("label",)) == LostAttempts()
    lost = label_attempts.take_over_lost_attempts(store, LABELS.label_model, ("label",))
    assert ([each.attempt_id for each in lost.attempts], lost.requests) == ([tried.attempt_id], {orders[0].request_id})
    assert label_attempts.take_over_lost_attempts(store, LABELS.label_model, ("label",)) == LostAttempts()
    label_attempts.book_unknown(store, lost.attempts)
    label_claims.release(store, lost.requests)
    assert states(store) == {("queued", None): 3}


def test_hosts_with_other_clocks_keep_their_claims(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is how long a process was silent by the database's clock, wherever ours stands."""
    label_claims.claim_next(store, LABELS, "label", 3)
    with store.write() as connection:
        connection.execute(update(label_request).values(claimed_by=owner_elsewhere()))
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 10 * label_claims.CLAIM_LIFETIME)
    assert label_claims.free_dead_claims(store) == 0
    with store.write() as connection:
        connection.execute(update(label_request).values(updated_at="2026-01-01T00:00:00.000000+00:00"))
    assert label_claims.free_dead_claims(store) == 3


def test_a_budget_waits_for_attempts_under_way(store: Store) -> None:
    first, second, _ = label_claims.claim_next(store, LABELS, "label", 3)
    tried, admission = ask(store, first, most=5, budget=8)
    assert admission == "sent"
    assert ask(store, second, most=5, budget=8)[1] == "wait"
    label_attempts.book_unknown(store, [tried])
    assert ask(store, second, most=5, budget=8)[1] == "over"
