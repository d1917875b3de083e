"""A retraining that has no reason to begin says why and waits; what landed is kept for the next."""

import os
from pathlib import Path
from typing import Any

import pytest

from feedback_model.demo.speech import write_demo_input
from feedback_model.records.retraining import RetrainingDecision, answered
from feedback_model.settings import Settings
from feedback_model.store.batches import unclaimed_batches
from feedback_model.store.connection import Store
from feedback_model.store.readonly_sql import select_rows
from feedback_model.store.retraining import add_decision, last_decision, untrained_data
from feedback_model.transcripts.landing import land
from flows.land import land as sweep
from flows.retrain import retrain
from tests.builders import a_speech
from tests.object_store import object_store
from tests.prefect_api import PrefectApi

# Prefect leaves the sockets of its clients to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    return settings.home


def land_demo(store: Store, home: Path, count: int) -> None:
    write_demo_input(home / "landed.jsonl", count, 3)
    land(store, [str(home / "landed.jsonl")])


def decisions(store: Store) -> list[dict[str, Any]]:
    return select_rows(
        store, "SELECT verdict, reason, n_new, n_batches FROM retraining_decisions ORDER BY decision_number"
    )


async def test_too_little_for_three_splits_waits_and_costs_nothing(
    prefect_api: PrefectApi, store: Store, home: Path
) -> None:
    """It ends well, with the reason as its state, in the database and as an artifact; nothing is labelled."""
    land_demo(store, home, 4)
    state = await retrain("embedded", "embedded", return_state=True)
    assert state.is_completed()
    assert "split would be empty" in (state.message or "")
    (made,) = decisions(store)
    assert (made["verdict"], made["reason"], made["n_batches"]) == ("wait", "too_few_to_split", 1)
    assert len(unclaimed_batches(store)) == 1
    told = prefect_api.call("POST", "artifacts/filter", {"artifacts": {"key": {"any_": ["why-not-retrained"]}}})
    assert any("split would be empty" in each["data"] for each in told)
    assert select_rows(store, "SELECT state FROM label_progress WHERE state <> 'landed'") == []


async def test_fewer_than_is_asked_for_wait_for_more(
    prefect_api: PrefectApi, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep wakes nothing for them either."""
    monkeypatch.setenv("FEEDBACK_RETRAIN_LEAST_NEW", "1000")
    land_demo(store, home, 60)
    state = await retrain("embedded", "embedded", return_state=True)
    assert "(FEEDBACK_RETRAIN_LEAST_NEW)" in (state.message or "")
    before = events(prefect_api)
    assert await sweep() == 1
    assert events(prefect_api) == before


async def test_what_no_event_told_of_is_decided_on_once(
    prefect_api: PrefectApi, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep keeps the decision that a retraining would have made, had it been woken."""
    monkeypatch.setenv("FEEDBACK_RETRAIN_LEAST_NEW", "1000")
    land_demo(store, home, 60)
    await sweep()
    await sweep()
    assert [(each["reason"], each["n_new"]) for each in decisions(store)] == [("too_few_new", 60)]
    (home / "more.txt").write_text(a_speech(7))
    land(store, [str(home / "more.txt")])
    await sweep()
    assert [each["n_new"] for each in decisions(store)] == [60, 61]


async def test_the_sweep_lands_what_is_new_in_an_object_store(
    prefect_api: PrefectApi, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is away keeps nothing else from being landed."""
    with object_store(monkeypatch) as bucket:
        bucket.put("talk.txt", a_speech(1))
        monkeypatch.setenv("FEEDBACK_INBOX_URL", f"s3://{bucket.name}/")
        assert await sweep() == 1
        assert untrained_data(store).n_new == 1
    path = home / "inbox" / "talk.txt"
    path.write_text(a_speech(2))
    os.utime(path, (0, 0))
    monkeypatch.setenv("FEEDBACK_INBOX_URL", f"nonsense://{bucket.name}/")
    assert await sweep() == 2
    assert untrained_data(store).n_new == 2


def events(api: PrefectApi) -> int:
    return api.call("POST", "events/filter", {"filter": {"event": {"name": ["feedback.data.landed"]}}})["total"]


def test_the_last_decision_is_remembered(any_store: Store, tmp_path: Path) -> None:
    assert last_decision(any_store) is None
    assert untrained_data(any_store).batches == ()
    for verdict in ("retrain", "wait"):
        decision = RetrainingDecision(verdict, "new_data", "because")
        add_decision(any_store, untrained_data(any_store), decision, "host:1:1")
    made = last_decision(any_store)
    assert made is not None
    assert (made.number, made.verdict, made.reason, made.n_batches) == (2, "wait", "new_data", 0)


def test_an_answer_is_for_what_waited_then(any_store: Store, tmp_path: Path) -> None:
    land_demo(any_store, tmp_path, 30)
    add_decision(any_store, untrained_data(any_store), answered(False, ""), "host:1:1")
    assert untrained_data(any_store).decided == "declined"
    land_demo(any_store, tmp_path, 60)
    assert untrained_data(any_store).decided is None


def test_what_waits_is_counted_by_split(any_store: Store, tmp_path: Path) -> None:
    land_demo(any_store, tmp_path, 60)
    data = untrained_data(any_store)
    assert len(data.batches) == 1
    assert data.n_new == sum(data.splits.values()) > 40
    assert set(data.splits) == {"train", "validation", "test"}
