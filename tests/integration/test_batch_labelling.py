"""Labels by the Batch API: half the price, the same ledger, and nothing orphaned wherever a run is killed."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import select

from feedback_model.errors import Interrupted, LabellerError, LabellingStopped
from feedback_model.labelling import batch_jobs
from feedback_model.labelling.batch_api import Answered, Failed, read_lines
from feedback_model.labelling.envelopes import EnvelopeReader
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.label_run import LabelCounts
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.modes import label_now
from feedback_model.labelling.retries import RetryLimits
from feedback_model.progress import clear_stop, reporting_to, request_stop
from feedback_model.store.connection import Store
from feedback_model.store.prompts import read_prompt
from feedback_model.store.tables import label_attempt, label_batch, label_response, label_score
from tests.labelling_rig import (
    bill,
    count_rows,
    filled_store,
    kill_when_held,
    settings_for,
    spent,
    start_labelling,
    states,
    until,
)
from tests.local_service import HANGS
from tests.openai_rig.process import serving

QUICK = RetryLimits(outage=2.0, first_backoff=0.02, longest_backoff=0.1)


def settings_at(home, url):
    return settings_for(home, url).model_copy(update={"label_model": "gpt-4o-mini"})


async def label(settings, store: Store, how=batch_jobs.label_in_batches, **options) -> LabelCounts:
    async with open_labeller("openai", settings, QUICK) as desk:
        return await how(store, desk, labelling_config_of("openai", settings), settings, **options)


def booked(store: Store) -> Decimal:
    with store.read() as connection:
        costs = connection.execute(select(label_response.c.cost_usd)).scalars().all()
    return sum((Decimal(str(each)) for each in costs), Decimal(0))


def job_states(store: Store) -> Counter[str]:
    with store.read() as connection:
        return Counter(connection.execute(select(label_batch.c.state)).scalars())


async def test_everything_is_labelled_once_at_half_the_price(tmp_path, any_store_url) -> None:
    with serving() as url:
        settings = settings_at(tmp_path, url).model_copy(update={"database_url": any_store_url})
        store = filled_store(settings, 30)
        assert (await label(settings, store)).labelled == 30
        assert set(bill(url).values()) == {1}
        assert booked(store) == spent(url) > 0
        assert await label(settings, store) == LabelCounts()
        assert read_prompt(store, labelling_config_of("openai", settings).prompt_version).name == "label"
        store.close()


async def test_what_expires_or_fails_is_handed_in_again(tmp_path) -> None:
    with serving(batch_expire_share=0.3, batch_error_share=0.1, seed=1) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 40)
        assert (await label(settings, store)).labelled == 40
        assert set(bill(url).values()) == {1}
        assert job_states(store)["collected"] > 1
        assert booked(store) == spent(url)


async def test_a_full_queue_is_found_and_respected(tmp_path) -> None:
    with serving(batch_enqueued_tokens=16_000, batch_seconds=0.1) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 60)
        assert (await label(settings, store)).labelled == 60
        assert set(bill(url).values()) == {1}
        assert job_states(store)["failed"] >= 1


async def test_a_queue_that_takes_nothing_is_one_sentence(tmp_path) -> None:
    with serving(batch_enqueued_tokens=1) as url:
        settings = settings_at(tmp_path, url)
        with pytest.raises(LabellerError, match="use --mode now"):
            await label(settings, filled_store(settings, 4))


@pytest.mark.parametrize(
    "step",
    ["POST /v1/files", "POST /v1/batches", "GET /v1/batches/", "GET /v1/files/"],
    ids=["file", "batch", "look", "read"],
)
async def test_a_killed_run_leaves_a_findable_batch(tmp_path, step) -> None:
    with serving(hold=step) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 10)
        kill_when_held(start_labelling(settings, batch=True), url)
        await label(settings, store)
        assert count_rows(store)["label"] == 10
        assert set(bill(url).values()) == {1}
        assert booked(store) == spent(url)


async def test_nothing_of_an_open_batch_is_bought_twice(tmp_path) -> None:
    with serving(batch_seconds=600) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 12)

        def stop_when_handed_in(_progress) -> None:
            request_stop()

        try:
            with reporting_to(stop_when_handed_in), pytest.raises(Interrupted):
                await label(settings, store, limit=8)
        finally:
            clear_stop()
        if not job_states(store):
            pytest.skip("stopped before anything was handed in")
        counts = await label(settings, store, label_missing)
        assert counts.labelled == 12 - states(store)[("claimed", None)]


async def test_the_budget_holds_for_batches_too(tmp_path) -> None:
    with serving() as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 40)
        with pytest.raises(LabellingStopped, match="budget"):
            await label(settings, store, budget=0.0015)
        assert 0 < spent(url) <= Decimal("0.0015")
        assert (await label(settings, store)).labelled > 0
        assert count_rows(store)["label"] == 40


async def test_a_useless_model_gets_no_second_batch(tmp_path) -> None:
    with serving(answers="nonsense") as url:
        settings = settings_at(tmp_path, url)
        with pytest.raises(LabellerError, match="were unusable"):
            await label(settings, filled_store(settings, 40))
        assert sum(bill(url).values()) == 40


async def test_two_batch_runs_take_turns(tmp_path) -> None:
    with serving(batch_seconds=0.5) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 30)
        both = [start_labelling(settings, batch=True) for _ in range(2)]
        for process in both:
            process.communicate(timeout=HANGS)
            assert process.returncode == 0
        assert set(bill(url).values()) == {1}
        assert count_rows(store) == {"label": 30, "label_response": 30, "label_request": 30}


def test_lines_that_are_no_lines_are_passed_over() -> None:
    content = (
        b'nonsense\n{"custom_id": 1}\n\n{"custom_id": "a", "response": null, "error": {"code": "batch_expired"}}\n'
    )
    content += b'{"custom_id": "b", "response": {"status_code": 200, "body": {}}, "error": null}'
    read = list(read_lines(content, EnvelopeReader(), "gpt-4o-mini"))
    assert [type(each) for each in read] == [Failed, Failed, Answered]
    assert read[1] == Failed("a", "batch_expired")


async def test_an_unconfirmed_batch_is_not_made_again(tmp_path) -> None:
    with serving(hold="POST /v1/batches") as url:
        settings = settings_at(tmp_path, url).model_copy(update={"request_timeout": 1.0})
        store = filled_store(settings, 10)
        assert (await label(settings, store)).labelled == 10
        assert set(bill(url).values()) == {1}


async def test_permanently_refused_requests_are_set_aside(tmp_path) -> None:
    with serving(batch_refused_share=0.3, seed=4) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 30)
        counts = await label(settings, store)
        assert counts.labelled + counts.failed == 30
        assert states(store) == {("done", None): counts.labelled, ("failed", "context_length_exceeded"): counts.failed}
        assert counts.failed > 0


async def test_requests_never_answered_are_set_aside(tmp_path) -> None:
    with serving(batch_error_share=1.0, batch_seconds=0.05) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 6)
        assert (await label(settings, store)).failed == 6
        assert states(store) == {("failed", "batch_error"): 6}


@pytest.mark.parametrize("logprobs", [1, 0])
async def test_soft_labels_come_by_batch(tmp_path, logprobs: int) -> None:
    with serving(logprobs=logprobs) as url:
        settings = settings_at(tmp_path, url).model_copy(update={"soft_labels": True})
        store = filled_store(settings, 8)
        assert (await label(settings, store)).labelled == 8
        with store.read() as connection:
            means = connection.execute(select(label_score.c.expected_score)).scalars().all()
        assert all((mean is not None) == bool(logprobs) for mean in means)


async def hand_in_and_leave(settings, store: Store, **options) -> None:
    """Stop once everything was handed in."""

    async def interrupt() -> None:
        await until(lambda: job_states(store)["submitted"] > 0)
        request_stop()

    interrupting = asyncio.create_task(interrupt())
    try:
        with pytest.raises(Interrupted):
            await label(settings, store, **options)
    finally:
        clear_stop()
    await interrupting


async def test_labelling_now_reports_open_batches(tmp_path) -> None:
    with serving(batch_seconds=600) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 12)
        await hand_in_and_leave(settings, store, limit=8)
        with pytest.raises(LabellerError, match=r"4 labels were bought; 8 more .* --mode batch"):
            await label(settings, store, label_now)
        with pytest.raises(LabellingStopped, match="batches under way"):
            filled_store(settings, 13).close()
            await label(settings, store, label_now, budget=0.0001)


async def test_a_batch_of_another_config_is_collected(tmp_path) -> None:
    with serving(batch_seconds=1.0) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 6)
        await hand_in_and_leave(settings, store)
        other = settings.model_copy(update={"label_model": "gpt-6-luna"})
        await label(other, store)
        assert states(store) == {("done", None): 12}
        assert booked(store) == spent(url)


async def test_a_lost_batch_is_given_up_when_told(tmp_path) -> None:
    with serving(batch_seconds=600) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 6)
        await hand_in_and_leave(settings, store)
    with serving(port=int(url.split(":")[2].split("/")[0])):
        with pytest.raises(LabellerError, match="has no batch of batch_"):
            await label(settings, store)
        assert (await label(settings, store, again_failed=True)).labelled == 6
        assert ends(store) == {("unknown", "batch_lost"): 6, ("answered", None): 6}


async def test_a_batch_of_another_endpoint_is_left_alone(tmp_path) -> None:
    with serving(batch_seconds=600) as url, serving() as other:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 6)
        await hand_in_and_leave(settings, store)
        assert await label(settings.model_copy(update={"openai_base_url": other}), store) == LabelCounts()
        assert ends(store) == {("open", None): 6}


async def test_an_endpoint_without_batches_is_one_sentence(tmp_path) -> None:
    with serving(batch_api=0) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 6)
        with pytest.raises(LabellerError, match="has no Batch API; use --mode now"):
            await label(settings, store)
        assert (await label(settings, store, label_now)).labelled == 6


def ends(store: Store) -> Counter[tuple[str, str | None]]:
    """How many tries came to each end, with each error."""
    with store.read() as connection:
        return Counter(connection.execute(select(label_attempt.c.outcome, label_attempt.c.error)).tuples())
