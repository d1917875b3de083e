"""What a kill or a broken connection may have lost: found again where the provider kept it, booked where nobody can know."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from feedback_model.errors import LabellingStopped
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.retries import RetryLimits
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.label_attempts import read_spending, take_over_lost_attempts
from feedback_model.store.label_claims import free_dead_claims
from feedback_model.store.tables import label_attempt, label_response
from tests.labelling_rig import (
    bill,
    count_rows,
    filled_store,
    kill_when,
    requests_seen,
    settings_for,
    spent,
    start_labelling,
    states,
    until,
)
from tests.local_service import HANGS
from tests.openai_rig.process import serving

QUICK = RetryLimits(outage=2.0, first_backoff=0.02, longest_backoff=0.1)


def outcomes(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return dict(
            connection.execute(select(label_attempt.c.outcome, func.count()).group_by(label_attempt.c.outcome))
            .tuples()
            .all()
        )


def booked(store: Store) -> Decimal:
    with store.read() as connection:
        return sum(
            (Decimal(str(each)) for each in connection.execute(select(label_response.c.cost_usd)).scalars()), Decimal(0)
        )


def settings_at(home, url: str, **changes) -> Settings:
    return settings_for(home, url).model_copy(update={"label_model": "gpt-4o-mini", **changes})


async def label_all(settings: Settings, store: Store, **options):
    async with open_labeller("openai", settings, QUICK) as labeller:
        return await label_missing(store, labeller, labelling_config_of("openai", settings), settings, **options)


@pytest.mark.parametrize("stored", [True, False])
def test_after_kills_each_response_is_accounted_for(tmp_path, stored: bool) -> None:
    with serving(delay=0.05) as url:
        settings = settings_at(tmp_path, url, store_completions=stored)
        store = filled_store(settings, 150)
        for replies in (20, 60, 100):
            kill_when(start_labelling(settings), url, replies)
        last = start_labelling(settings)
        last.communicate(timeout=HANGS)
        assert last.returncode == 0
        twice = sum(bill(url).values()) - 150
        found = outcomes(store)
        assert count_rows(store)["label"] == 150
        assert found.get("open", 0) == 0
        if stored:
            assert twice == 0
            assert booked(store) == spent(url)
        else:
            assert twice <= found.get("unknown", 0)
            known = read_spending(store, labelling_config_of("openai", settings))
            assert booked(store) <= spent(url) <= booked(store) + Decimal(known.unknown) / 10**9
        store.close()


async def test_a_billed_response_cut_off_is_recovered(tmp_path) -> None:
    with serving(reset_after_billing_rate=0.3, seed=1) as url:
        settings = settings_at(tmp_path, url, store_completions=True)
        store = filled_store(settings, 40)
        counts = await label_all(settings, store)
        assert counts.labelled == 40
        assert set(bill(url).values()) == {1}
        assert outcomes(store)["reclaimed"] > 5
        assert booked(store) == spent(url)


async def test_an_endpoint_that_keeps_nothing_is_asked_without(tmp_path, caplog) -> None:
    with serving(stored=0, logprobs=0) as url:
        settings = settings_at(tmp_path, url, store_completions=True, soft_labels=True)
        counts = await label_all(settings, filled_store(settings, 20))
        assert counts.labelled == 20
        assert set(bill(url).values()) == {1}
    assert {"store", "logprobs"} <= {word for record in caplog.records for word in record.getMessage().split()}


async def test_the_ledger_equals_the_bill(tmp_path) -> None:
    with serving(truncated_rate=0.1, refusal_rate=0.1, nonsense_rate=0.1, server_error_rate=0.1, seed=2) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 60)
        await label_all(settings, store)
        assert booked(store) == spent(url)
        total = read_spending(store, labelling_config_of("openai", settings))
        assert Decimal(total.spent) / 10**9 == spent(url)
        assert (total.reserved, total.unknown) == (0, 0)


async def test_two_runs_leave_each_others_attempts_alone(tmp_path) -> None:
    with serving(delay=0.02) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 60)
        await asyncio.gather(label_all(settings, store), label_all(settings, store))
        assert outcomes(store) == {"answered": 60}


async def test_whatever_goes_wrong_every_document_ends_accounted_for(tmp_path) -> None:
    mix = {"server_error_rate": 0.05, "reset_after_billing_rate": 0.02, "reset_rate": 0.01, "truncated_rate": 0.03}
    mix |= {
        "refusal_rate": 0.01,
        "nonsense_rate": 0.01,
        "long_wait_rate": 0.01,
        "slow_down_rate": 0.01,
        "gateway_rate": 0.01,
    }
    with serving(**mix, overloaded_rate=0.01, limit_headers="minus-one", seed=5) as url:
        settings = settings_at(tmp_path, url, label_concurrency=32)
        store = filled_store(settings, 200)
        await label_all(settings, store)
        assert {state for state, _ in states(store)} <= {"done", "failed"}
        assert outcomes(store).get("open", 0) == 0
        known = read_spending(store, labelling_config_of("openai", settings))
        assert booked(store) <= spent(url) <= booked(store) + Decimal(known.unknown) / 10**9


async def test_an_answer_that_a_gateway_lost_is_found(tmp_path) -> None:
    with serving(gateway_rate=0.3, seed=1) as url:
        settings = settings_at(tmp_path, url, store_completions=True)
        store = filled_store(settings, 30)
        await label_all(settings, store)
        assert set(bill(url).values()) == {1}
        assert booked(store) == spent(url)


def test_requests_under_recovery_are_not_bought_again(tmp_path) -> None:
    with serving(delay=0.3) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 40)
        kill_when(start_labelling(settings), url, 10)
        lost = take_over_lost_attempts(store, "gpt-4o-mini", ("label",))
        assert lost.requests
        free_dead_claims(store)
        assert sum(n for (state, _), n in states(store).items() if state == "claimed") == len(lost.requests)


async def test_a_budget_waits_for_no_dead_process(tmp_path) -> None:
    with serving(hang_rate=1.0) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 40)
        doomed = start_labelling(settings)
        under_way = settings.label_concurrency  # all that it may have, and none will be answered
        await until(lambda: requests_seen(url) == under_way)
        waiting = asyncio.create_task(label_all(settings, store, budget=0.003))
        await until(lambda: states(store) == {("claimed", None): 40} or waiting.done())
        doomed.kill()
        doomed.communicate()
        with pytest.raises(LabellingStopped, match="budget"):
            await waiting
        assert outcomes(store) == {"unknown": under_way}
