"""Labelling over HTTP against the embedded endpoint: what it promises when all is well, and when the endpoint is not."""

import socket

import pytest

from feedback_model.errors import ConfigurationError, Interrupted, LabellerError, LabellingStopped
from feedback_model.labelling.label import LabelCounts, label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.retries import RetryLimits
from feedback_model.progress import clear_stop, reporting_to, request_stop
from tests.labelling_rig import bill, count_rows, filled_store, requests_seen, settings_for, states
from tests.openai_rig.process import serving

QUICK = RetryLimits(outage=0.5, first_backoff=0.02, longest_backoff=0.1, longest_wait=5.0)


async def label_all(settings, store, bounds=QUICK, **options) -> LabelCounts:
    async with open_labeller("openai", settings, bounds) as labeller:
        return await label_missing(store, labeller, labelling_config_of("openai", settings), settings, **options)


async def test_every_transcript_is_labelled_once(tmp_path, any_store_url):
    with serving() as url:
        settings = settings_for(tmp_path, url).model_copy(update={"database_url": any_store_url})
        store = filled_store(settings, 60)
        first = await label_all(settings, store)
        again = await label_all(settings, store)
        assert (first.labelled, first.cost_usd) == (60, 0.0)
        assert again == LabelCounts()
        assert count_rows(store) == {"label": 60, "label_response": 60, "label_request": 60}
        assert set(bill(url).values()) == {1}
        store.close()


async def test_the_embedded_labeller_needs_neither_key_nor_url(tmp_path):
    settings = settings_for(tmp_path)
    store = filled_store(settings, 3)
    async with open_labeller("embedded", settings) as labeller:
        counts = await label_missing(store, labeller, labelling_config_of("embedded", settings), settings)
    assert counts.labelled == 3


async def test_a_limit_labels_so_many(tmp_path):
    with serving() as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 20)
        assert (await label_all(settings, store, limit=7)).labelled == 7
        assert (await label_all(settings, store)).labelled == 13


@pytest.mark.parametrize(
    "faults",
    [{"server_error_rate": 0.3}, {"rate_limited_rate": 0.02}, {"reset_rate": 0.2}, {"requests_per_minute": 1200}],
    ids=str,
)
async def test_faults_that_pass_cost_nobody_a_label(tmp_path, faults):
    with serving(**faults, seed=3) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 50)
        counts = await label_all(settings, store, RetryLimits(first_backoff=0.02, attempts=50))
        assert (counts.labelled, counts.failed) == (50, 0)
        assert set(bill(url).values()) == {1}


async def test_a_request_that_hangs_is_asked_again(tmp_path):
    with serving(hang_rate=0.2, seed=1) as url:
        settings = settings_for(tmp_path, url, timeout=0.5)
        store = filled_store(settings, 20)
        assert (await label_all(settings, store, RetryLimits(first_backoff=0.02, attempts=50))).labelled == 20


@pytest.mark.parametrize(
    ("fault", "code"), [("nonsense", "prose_before"), ("truncated", "truncated"), ("refusal", "refusal")]
)
async def test_bad_answers_are_asked_again_then_set_aside(tmp_path, fault, code):
    with serving(**{f"{fault}_rate": 1.0}) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 4)
        counts = await label_all(settings, store)
        assert (counts.labelled, counts.failed) == (0, 4)
        assert count_rows(store) == {"label": 0, "label_response": 12, "label_request": 4}
        assert set(bill(url).values()) == {3}
        (state, error), total = states(store).popitem()
        assert (state, total) == ("failed", 4)
        assert error is not None
        assert (await label_all(settings, store)).asked == 0, "a failed one is asked again only on demand"
        assert (await label_all(settings, store, again_failed=True)).asked == 4


async def test_a_model_without_usable_answers_stops_the_run(tmp_path):
    with serving(nonsense_rate=1.0) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 200)
        with pytest.raises(LabellerError, match=r"answers of embedded-rubric-3 were unusable.*FEEDBACK_LABEL_MODEL"):
            await label_all(settings, store)
        paid = count_rows(store)["label_response"]
        assert paid == sum(bill(url).values()) <= 3 * (20 + settings.label_concurrency)
        assert {state for state, _ in states(store)} == {"failed", "queued"}


async def test_one_usable_answer_is_enough_to_go_on(tmp_path):
    with serving(nonsense_rate=0.85, seed=2) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 60)
        counts = await label_all(settings, store)
        assert counts.labelled > 0
        assert counts.labelled + counts.failed == 60 > 20 + counts.labelled


async def test_some_bad_answers_cost_no_label(tmp_path):
    with serving(nonsense_rate=0.1, seed=5) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 60)
        counts = await label_all(settings, store, again_failed=True)
        assert counts.labelled + counts.failed == 60
        assert count_rows(store)["label_response"] == sum(bill(url).values()) > 60


async def test_the_end_of_the_quota_stops_the_run(tmp_path):
    with serving(quota=20) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 200)
        with pytest.raises(LabellingStopped, match="insufficient_quota"):
            await label_all(settings, store)
        assert count_rows(store)["label"] == count_rows(store)["label_response"] == 20
        assert requests_seen(url) <= 20 + settings.label_concurrency
        assert states(store)[("queued", None)] == 180


async def test_an_endpoint_that_is_down_is_given_up(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        settings = settings_for(tmp_path, url)
        with pytest.raises(LabellerError, match=f"cannot be reached at {url}"):
            await label_all(settings, filled_store(settings, 5), RetryLimits(first_contact=0.3))


async def test_an_endpoint_that_always_fails_stops_the_run(tmp_path):
    with serving(server_error_rate=1.0) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 100)
        with pytest.raises(LabellerError, match="keeps failing"):
            await label_all(settings, store)
        assert states(store) == {("queued", None): 100}


async def test_an_unknown_model_is_a_configuration_error(tmp_path):
    with serving() as url:
        settings = settings_for(tmp_path, url).model_copy(update={"label_model": "gpt-9"})
        with pytest.raises(ConfigurationError, match="no model 'gpt-9'"):
            await label_all(settings, filled_store(settings, 1))


async def test_no_key_names_both_ways_on(tmp_path):
    settings = settings_for(tmp_path).model_copy(update={"openai_api_key": None})
    with pytest.raises(ConfigurationError, match=r"OPENAI_API_KEY.*--labeller embedded"):
        await label_all(settings, filled_store(settings, 1))


async def test_a_stop_keeps_what_is_paid(tmp_path):
    with serving(delay=0.05) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 100)

        def stop_after_ten(progress):
            if progress.done >= 10:
                request_stop()

        try:
            with reporting_to(stop_after_ten), pytest.raises(Interrupted):
                await label_all(settings, store)
        finally:
            clear_stop()
        rows = count_rows(store)
        assert rows["label"] == rows["label_response"] == sum(bill(url).values()) < 40
        assert states(store)[("queued", None)] == 100 - rows["label"]
