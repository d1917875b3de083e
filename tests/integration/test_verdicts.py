"""Verdicts of the endpoint over HTTP: which are of one document, which of the run, and what each costs."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from feedback_model.errors import ConfigurationError, LabellingStopped
from feedback_model.labelling.batch_jobs import label_in_batches
from feedback_model.labelling.label import LabelCounts, label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.retries import RetryLimits
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.tables import transcript
from tests.labelling_rig import bill, filled_store, requests_seen, settings_for, spent, states
from tests.openai_rig.process import serving

QUICK = RetryLimits(outage=0.5, first_backoff=0.02, longest_backoff=0.1, longest_wait=5.0)
WORD = "xylophone"


async def label_all(settings: Settings, store: Store, how: Any = label_missing, **options: Any) -> LabelCounts:
    async with open_labeller("openai", settings, QUICK) as labeller:
        return await how(store, labeller, labelling_config_of("openai", settings), settings, **options)


def write_into_one(store: Store, words: str) -> None:
    """Add `words` to the text of one transcript."""
    first = select(func.min(transcript.c.transcript_id)).scalar_subquery()
    with store.write() as connection:
        connection.execute(
            transcript.update().where(transcript.c.transcript_id == first).values(text=transcript.c.text + " " + words)
        )


def set_aside(store: Store) -> list[tuple[str, str]]:
    with store.read() as connection:
        rows = connection.execute(text("SELECT error, detail FROM label_progress WHERE state = 'failed'"))
        return [(row.error, row.detail) for row in rows]


@pytest.mark.parametrize("how", [label_missing, label_in_batches])
async def test_a_flagged_document_is_set_aside_alone(tmp_path: Path, any_store_url: str, how: Any) -> None:
    with serving(flagged=WORD) as url:
        settings = settings_for(tmp_path, url).model_copy(update={"database_url": any_store_url})
        store = filled_store(settings, 12)
        write_into_one(store, WORD)
        counts = await label_all(settings, store, how)
        assert (counts.labelled, counts.failed) == (11, 1)
        assert set_aside(store) == [("http_403", f"Your input was flagged: '{WORD}' is not allowed.")]
        store.close()


async def test_what_was_refused_is_not_asked_again(tmp_path: Path) -> None:
    with serving(flagged=WORD) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 3)
        write_into_one(store, WORD)
        await label_all(settings, store)
        seen = requests_seen(url)
        assert await label_all(settings, store) == LabelCounts()
        assert requests_seen(url) == seen
        assert (await label_all(settings, store, again_failed=True)).failed == 1


@pytest.mark.parametrize("status", [403, 404])
async def test_several_refused_in_a_row_stop_the_run(tmp_path: Path, status: int) -> None:
    with serving(stray_rate=1.0, stray_status=status) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 40)
        with pytest.raises(
            ConfigurationError, match=r"refused \d requests in a row \(http_40[34]\): No endpoints found"
        ):
            await label_all(settings, store)
        assert requests_seen(url) <= 5 + settings.label_concurrency
        assert states(store) == {("queued", None): 40}, "the refusal was of none of them"


async def test_stray_refusals_cost_no_run(tmp_path: Path) -> None:
    with serving(stray_rate=0.1, seed=3) as url:
        settings = settings_for(tmp_path, url)
        counts = await label_all(settings, filled_store(settings, 60))
        assert counts.labelled + counts.failed == 60
        assert counts.labelled > 40


async def test_a_wrong_key_ends_at_the_first(tmp_path: Path) -> None:
    with serving(stray_rate=1.0, stray_status=401) as url:  # whose list of models is open to all
        settings = settings_for(tmp_path, url, concurrency=1)
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
            await label_all(settings, filled_store(settings, 9))
        assert requests_seen(url) == 1


async def test_too_large_is_set_aside_without_retry(tmp_path: Path) -> None:
    with serving(too_large_over=50_000) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 5)
        write_into_one(store, "and so on " * 6_000)
        assert (await label_all(settings, store)).labelled == 4
        ((code, words),) = set_aside(store)
        assert code == "rate_limit_exceeded"
        assert words.startswith("Request too large for embedded-rubric-3")
        assert requests_seen(url) == 5


async def test_payment_required_stops_the_run(tmp_path: Path) -> None:
    with serving(stray_rate=1.0, stray_status=402) as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 30)
        with pytest.raises(LabellingStopped, match="settle the account"):
            await label_all(settings, store)
        assert states(store) == {("queued", None): 30}


async def test_an_error_under_200_costs_nothing(tmp_path: Path) -> None:
    with serving(error_under_200_rate=0.3, seed=4) as url:
        settings = settings_for(tmp_path, url).model_copy(update={"label_model": "gpt-4o-mini"})
        store = filled_store(settings, 20)
        counts = await label_all(settings, store)
        assert (counts.labelled, counts.failed) == (20, 0)
        assert requests_seen(url) > 20 == sum(bill(url).values())
        assert counts.cost_usd == pytest.approx(float(spent(url)))
