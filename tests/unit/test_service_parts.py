"""A part is unhealthy where somebody must do something, and says what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployments.local.service_parts import LOW_DISK, VITAL, is_healthy, judge_parts, judge_serving
from feedback_model.records.service import (
    ChampionFigures,
    HomeFigures,
    LastRetraining,
    Part,
    PoolFigures,
    PrefectFigures,
    RetrainingDecided,
    RunFailure,
    RunFigures,
    ServiceFigures,
    StoreFigures,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
AGO = NOW - timedelta(seconds=30)
POOL = PoolFigures("gpu", ready=True, paused=False, workers_online=1, last_heartbeat=AGO)
RUN = RunFigures("train", "train embedded", "Running", AGO, deployed=True, pool="gpu")
FAILURE = RunFailure("retrain", "label", "Failed", AGO, "EndpointUnreachable: gone", "http://ui/1", stands=True)
STORE = StoreFigures("sqlite", "0108", "0108", 2**21)
PREFECT = PrefectFigures("http://127.0.0.1:4200/api", "3.8.8", (POOL,))
WELL = ServiceFigures(NOW, HomeFigures("/home", writable=True, free_bytes=2**34), STORE, "", PREFECT, "")


def part(name: str, figures: ServiceFigures) -> Part:
    return next(each for each in judge_parts(figures) if each.name == name)


def store_with(**values: Any) -> ServiceFigures:
    return replace(WELL, store=replace(STORE, **values))


def prefect_with(**values: Any) -> ServiceFigures:
    return replace(WELL, prefect=replace(PREFECT, **values))


def test_service_that_is_well_is_healthy() -> None:
    parts = judge_parts(WELL)
    assert is_healthy(parts)
    assert {each.name for each in parts} >= set(VITAL)


def test_service_that_never_began_is_not_unhealthy() -> None:
    """What does not run says how it is started."""
    nothing = ServiceFigures(NOW, WELL.home, None, "", None, "")
    parts = judge_parts(nothing)
    assert is_healthy(parts)
    assert [each.state for each in parts] == ["ok", "not running", "not running"]
    assert all(each.remedy for each in parts if each.state == "not running")


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("home folder", replace(WELL, home=replace(WELL.home, free_bytes=LOW_DISK - 1))),
        ("home folder", replace(WELL, home=replace(WELL.home, writable=False))),
        ("database", store_with(schema="9999")),
        ("database", replace(WELL, store=None, store_problem="it is locked; wait")),
        ("Prefect server", replace(WELL, prefect=None, prefect_problem="it does not answer; start it")),
        ("workers", prefect_with(pools=())),
        ("workers", prefect_with(pools=(replace(POOL, ready=False, workers_online=0),))),
        ("workers", prefect_with(pools=(replace(POOL, ready=False, paused=True),))),
        ("last failure", prefect_with(failure=FAILURE)),
        ("last retraining", store_with(retraining=LastRetraining(AGO, None, "unfinished"))),
    ],
)
def test_what_is_unhealthy_says_what_to_do(name: str, figures: ServiceFigures) -> None:
    found = part(name, figures)
    assert found.state == "unhealthy"
    assert found.remedy


def test_database_of_an_older_schema_is_well() -> None:
    """Its other figures are not read, since its tables may differ."""
    parts = judge_parts(store_with(schema="0107"))
    assert is_healthy(parts)
    assert "labels" not in {each.name for each in parts}


def test_failure_that_was_made_up_for_is_only_told() -> None:
    found = part("last failure", prefect_with(failure=replace(FAILURE, stands=False)))
    assert found.state == "ok"
    assert "retrain in label Failed, 30 s ago: EndpointUnreachable: gone" in found.found


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (RUN, "train (train embedded) Running for 30 s"),
        (replace(RUN, state="Late", pool="cpu"), "waits for a worker of the pool cpu"),
        (replace(RUN, state="Late"), "waits until its pool has room"),
        (replace(RUN, state="Submitting"), "a worker starts it"),
        (replace(RUN, state="AwaitingConcurrencySlot"), "waits until another run of its deployment ends"),
    ],
)
def test_run_says_what_it_waits_for(run: RunFigures, said: str) -> None:
    assert said in part("runs", prefect_with(runs=(run,))).found


def test_retraining_tells_outcome_and_why_it_waited() -> None:
    decision = RetrainingDecided(AGO, "wait", "quiet_hours", "5 new transcripts wait until 18:00 UTC")
    found = part("last retraining", store_with(decision=decision, retraining=LastRetraining(AGO, AGO, "promote"))).found
    assert "made a new champion" in found
    assert "not begun: 5 new transcripts wait until 18:00 UTC" in found


def test_labels_and_money_are_told_apart() -> None:
    figures = store_with(labels={"labelled": 1200, "failed": 3}, cost_usd={"gpt-4o-mini": 1.5}, unknown_usd=0.25)
    assert part("labels", figures).found == "1,200 labelled, 3 set aside"
    assert part("spending", figures).found.startswith("$1.5000 for gpt-4o-mini, at most $0.2500 more")


def test_champion_of_long_ago_has_its_day() -> None:
    champion = ChampionFigures("epoch-2", "embedded", "run1run1run1", NOW - timedelta(days=9))
    assert (
        part("champion", store_with(champion=champion)).found == "epoch-2 of run run1run1, base embedded, on 2026-11-21"
    )


@pytest.mark.parametrize(("answer", "state"), [(None, "not running"), ("", "ok"), ("no model", "unhealthy")])
def test_serving_is_judged_by_its_readiness(answer: str | None, state: str) -> None:
    assert judge_serving("http://127.0.0.1:8321", answer).state == state
