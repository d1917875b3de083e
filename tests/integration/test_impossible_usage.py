"""An endpoint that counts wrongly, and one that costs nothing: runs end well, say so once, and book nothing impossible."""

import logging

import pytest
from sqlalchemy import select

from feedback_model.labelling.batch_jobs import label_in_batches
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.store.label_attempts import NANOS, read_spending
from feedback_model.store.tables import label_response
from tests.labelling_rig import filled_store, settings_for
from tests.openai_rig.process import serving

MODES = ["negative", "cached-above-prompt", "huge", "zero", "missing"]


async def run_labels(tmp_path, url, label=label_missing, **changes):
    settings = settings_for(tmp_path, url).model_copy(update={"label_model": "gpt-4o-mini", **changes})
    store, config = filled_store(settings, 12), labelling_config_of("openai", settings)
    async with open_labeller("openai", settings) as labeller:
        counts = await label(store, labeller, config, settings, budget=1.0)
    with store.read() as connection:
        return counts, read_spending(store, config), connection.execute(select(label_response)).all()


def told(caplog, words: str) -> int:
    return sum(words in each.message for each in caplog.records if each.levelno >= logging.WARNING)


@pytest.mark.parametrize("label", [label_missing, label_in_batches])
@pytest.mark.parametrize("mode", MODES)
async def test_usage_that_cannot_be_ends_well(tmp_path, caplog, mode, label):
    with serving(usage=mode) as url:
        counts, spending, rows = await run_labels(tmp_path, url, label)
    assert (counts.labelled, counts.failed, len(rows)) == (12, 0, 12)
    assert told(caplog, "missing or cannot be") == 1
    for row in rows:
        assert row.prompt_tokens is None or row.prompt_tokens > 0
        assert (row.cached_tokens or 0) <= (row.prompt_tokens or 0)
        assert row.cost_usd is None or row.cost_usd > 0
    assert spending.reserved == 0
    assert 0 < spending.spent + spending.unknown < NANOS


async def test_a_free_model_labels_whatever_the_budget(tmp_path, caplog):
    with serving() as url:
        counts, spending, rows = await run_labels(tmp_path, url, label_price="0/0/0")
    assert (counts.labelled, counts.cost_usd, spending.spent) == (12, 0.0, 0)
    assert {row.cost_usd for row in rows} == {0.0}
    assert told(caplog, "the budget of 1.00 USD bounds nothing") == 1


async def test_the_ledger_books_the_settings_price(tmp_path):
    with serving() as url:
        _, _, rows = await run_labels(tmp_path, url, label_price="1/1/3")
    for row in rows:
        assert row.cost_usd == pytest.approx((row.prompt_tokens + 3 * row.completion_tokens) / 1e6)


async def test_a_model_nobody_lists_keeps_a_budget(tmp_path):
    """The embedded labeller's model under a price of one's own."""
    with serving() as url:
        counts, spending, _ = await run_labels(tmp_path, url, label_model="embedded-rubric-3", label_price="1/1/3")
    assert counts.cost_usd == pytest.approx(spending.spent / NANOS)
    assert counts.cost_usd > 0
