"""Where the money stops: budgets, billing errors, forecasts, and what a new prompt or one more row costs."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from feedback_model.demo.speech import generate_transcripts
from feedback_model.errors import LabellingStopped
from feedback_model.labelling.cost_forecast import forecast_labels, tell_forecast
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.retries import RetryLimits
from feedback_model.records.labels import LabellingConfig
from feedback_model.store.bulk import insert_missing
from feedback_model.store.label_attempts import read_spending
from feedback_model.store.tables import label_response, label_score, transcript
from tests.labelling_rig import (
    _row,
    bill,
    count_rows,
    filled_store,
    pay_the_bill,
    requests_seen,
    settings_for,
    spent,
    states,
)
from tests.openai_rig.process import serving

QUICK = RetryLimits(outage=2.0, first_backoff=0.02, longest_backoff=0.1)


def settings_at(home, url, **changes):
    return settings_for(home, url).model_copy(update={"label_model": "gpt-4o-mini", **changes})


async def label_all(settings, store, **options):
    async with open_labeller("openai", settings, QUICK) as labeller:
        return await label_missing(store, labeller, labelling_config_of("openai", settings), settings, **options)


async def test_a_budget_is_nearly_used_and_never_exceeded(tmp_path):
    with serving(truncated_rate=0.1, nonsense_rate=0.1, seed=4) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 200)
        for _ in range(3):
            with pytest.raises(LabellingStopped, match=r"budget of 0\.03 USD.*--budget"):
                await label_all(settings, store, budget=0.03)
        assert Decimal("0.027") < spent(url) <= Decimal("0.03")
        assert states(store)[("queued", None)] > 0
        assert (await label_all(settings, store)).labelled > 0


async def test_billing_stops_the_run_until_paid(tmp_path):
    with serving(quota=20, quota_code="credit_balance_exhausted", delay=0.01) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 60)
        with pytest.raises(LabellingStopped, match="credit_balance_exhausted"):
            await label_all(settings, store)
        # Those in flight when the first refusal comes, and one more for each good answer that is read before it.
        assert requests_seen(url) <= 20 + 2 * settings.label_concurrency
        pay_the_bill(url, 1000)
        await label_all(settings, store)
        assert count_rows(store)["label"] == 60
        assert set(bill(url).values()) == {1}


async def test_queued_requests_are_unsent_when_quota_ends(tmp_path):
    with serving(quota=20, requests_per_minute=3000, latency_median=0.1) as url:
        settings = settings_at(tmp_path, url, label_concurrency=256)
        with pytest.raises(LabellingStopped, match="insufficient_quota"):
            await label_all(settings, filled_store(settings, 250))
        assert requests_seen(url) < 60


async def test_one_more_row_costs_one_more_request(tmp_path):
    with serving() as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 30)
        await label_all(settings, store)
        (another,) = generate_transcripts(1, seed=99)
        with store.write() as connection:
            insert_missing(connection, transcript, [_row(another.text)])
        assert (await label_all(settings, store)).asked == 1
        assert requests_seen(url) == 31


async def test_a_forecast_buys_nothing_and_comes_true(tmp_path):
    with serving() as url:
        settings = settings_at(tmp_path, url)
        store, labelling_config = filled_store(settings, 120), labelling_config_of("openai", settings)
        rough = forecast_labels(store, labelling_config)
        assert (rough.n_missing, rough.measured, requests_seen(url)) == (120, False, 0)
        await label_all(settings, store, limit=60)
        before = read_spending(store, labelling_config).spent
        forecast = forecast_labels(store, labelling_config)
        await label_all(settings, store)
        cost = (read_spending(store, labelling_config).spent - before) / 10**9
        assert (forecast.n_missing, forecast.n_labelled, forecast.measured) == (60, 60, True)
        assert forecast.cost_usd == pytest.approx(cost, rel=0.05)
        assert forecast.batch_cost_usd == pytest.approx(forecast.cost_usd / 2)


async def test_a_forecast_says_what_a_budget_buys(tmp_path):
    with serving() as url:
        settings = settings_at(tmp_path, url)
        store, labelling_config = filled_store(settings, 100), labelling_config_of("openai", settings)
        cost = forecast_labels(store, labelling_config).cost_usd
        bought = {share: forecast_labels(store, labelling_config, budget=share * cost) for share in (0.25, 1.0, 3.0)}
    assert [forecast.n_affordable for forecast in bought.values()] == [25, 100, 100]
    assert any("buys about 25 of them" in line for line in tell_forecast(bought[0.25]))


async def test_a_new_prompt_forecasts_its_cost(tmp_path):
    with serving() as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 10)
        await label_all(settings, store)
        forecast = forecast_labels(store, LabellingConfig("gpt-4o-mini", "label-of-tomorrow"))
        assert (forecast.n_missing, forecast.n_labelled, forecast.n_other_prompts) == (10, 0, 10)
        assert any("under other versions of the prompt" in line for line in tell_forecast(forecast))


async def test_a_part_is_labelled_twice_unseen(tmp_path):
    with serving() as url:
        settings = settings_at(tmp_path, url, relabel_share=0.2)
        store = filled_store(settings, 100)
        counts = await label_all(settings, store)
        assert 105 <= counts.labelled <= 140
        assert count_rows(store)["label"] == counts.labelled
        assert (await label_all(settings, store)).asked == 0


async def test_soft_labels_lie_beside_the_scores(tmp_path):
    with serving() as url:
        settings = settings_at(tmp_path, url, soft_labels=True)
        store = filled_store(settings, 5)
        await label_all(settings, store)
        with store.read() as connection:
            rows = connection.execute(select(label_score.c.score, label_score.c.expected_score)).all()
    assert len(rows) == 30
    assert all(abs(row.expected_score - row.score) < 2 for row in rows)


async def test_a_bad_answer_is_asked_again_with_reason(tmp_path):
    with serving(truncated_rate=1.0) as url:
        settings = settings_at(tmp_path, url)
        store = filled_store(settings, 3)
        counts = await label_all(settings, store)
        assert (counts.labelled, counts.failed) == (0, 3)
        with store.read() as connection:
            asked = (
                connection.execute(select(label_response.c.prompt_tokens).order_by(label_response.c.response_id))
                .scalars()
                .all()
            )
        assert len(asked) == 9
        assert requests_seen(url) == 9
