"""Augmentation over HTTP: rare levels are filled from real train transcripts, whatever happens on the way."""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from feedback_model.augmentation.augment import AugmentationSummary, augment, rewrite_config_of
from feedback_model.augmentation.preview import preview_augmentation
from feedback_model.demo.speech import write_demo_input
from feedback_model.errors import Interrupted, LabellingStopped, MissingStage
from feedback_model.labelling.label import label_missing, plan_labels
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.retries import RetryLimits
from feedback_model.progress import clear_stop, reporting_to, request_stop
from feedback_model.store.augmentations import outcomes_by_level
from feedback_model.store.connection import Store, open_store
from feedback_model.store.prompts import read_prompt
from feedback_model.store.tables import augmentation, label_request, label_response, transcript
from feedback_model.transcripts.landing import land
from feedback_model.transcripts.near_duplicates import SIMILAR, similarity
from tests.labelling_rig import bill, filled_store, settings_for
from tests.openai_rig.process import serving

LABEL_SET = labelling_config_of("embedded", settings_for(Path()))


@pytest.fixture(scope="module")
def labelled_home(tmp_path_factory) -> Path:
    """A home folder with 300 labelled transcripts, made once."""
    settings = settings_for(tmp_path_factory.mktemp("labelled"))
    store = open_store(settings.store_url)
    write_demo_input(settings.home / "in.jsonl", 300, 5)
    land(store, [str(settings.home / "in.jsonl")])
    asyncio.run(label_everything(settings, store))
    store.close()
    return settings.home


async def label_everything(settings, store) -> None:
    async with open_labeller("embedded", settings) as labeller:
        await label_missing(store, labeller, LABEL_SET, settings)


@pytest.fixture
def store(labelled_home, tmp_path) -> Store:
    """A copy of those transcripts, one for each test, where `settings_for(tmp_path)` looks for it."""
    shutil.copy(labelled_home / "feedback.db", tmp_path)
    return open_store(settings_for(tmp_path).store_url)


async def augmented(settings, store, **options) -> AugmentationSummary:
    async with open_labeller("openai", settings, RetryLimits(outage=0.5, first_backoff=0.02)) as labeller:
        return await augment(store, labeller, LABEL_SET, settings, **options)


def rows(store: Store, query):
    with store.read() as connection:
        return connection.execute(query).all()


async def test_rare_levels_grow_once(tmp_path, store):
    """Rare levels grow and a second run does nothing."""
    with serving() as url:
        settings = settings_for(tmp_path, url)
        first = await augmented(settings, store)
        paid = sum(bill(url).values())
        assert 0 < first.accepted <= 0.1 * 300
        assert first.wanted <= 0.1 * 300
        assert sum(first.after["empathy"].values()) == sum(first.before["empathy"].values()) + first.accepted
        assert await augmented(settings, store) == first
        assert sum(bill(url).values()) == paid
        assert plan_labels(store, LABEL_SET).n_queued == 0
        assert "$target" in read_prompt(store, rewrite_config_of(LABEL_SET).prompt_version).text


async def test_postgresql_ends_the_same(tmp_path, postgres_url):
    with serving() as url:
        settings = settings_for(tmp_path, url).model_copy(update={"database_url": postgres_url})
        store = filled_store(settings, 150)
        await label_everything(settings, store)
        first = await augmented(settings, store)
        assert first.accepted > 0
        assert await augmented(settings, store) == first
        store.close()


async def test_kept_rewrites_have_lineage_and_are_new(tmp_path, store):
    """What is kept has its lineage and is no near duplicate."""
    with serving() as url:
        settings = settings_for(tmp_path, url)
        await augmented(settings, store)
    everything = {row.transcript_id: row for row in rows(store, select(transcript))}
    made = [row for row in everything.values() if row.origin == "augmented"]
    assert made
    for row in made:
        parent = everything[row.parent_id]
        assert (row.split, row.source_id, row.batch_id) == ("train", parent.source_id, None)
        assert parent.split == "train"
        assert similarity(row.signature, parent.signature) < SIMILAR


async def test_accepted_means_blind_score_on_target(tmp_path, store):
    """Accepted means that the blind score is the target."""
    with serving() as url:
        settings = settings_for(tmp_path, url)
        await augmented(settings, store)
    for row in rows(store, select(augmentation)):
        assert row.outcome != "pending"
        assert (row.outcome == "accepted") == (row.relabelled_score == row.target_score)
        assert (row.outcome == "near_duplicate") == (row.transcript_id is None)


async def test_quota_end_keeps_what_is_paid(tmp_path, store):
    """The end of the quota keeps what is paid and a rerun ends the same."""
    with serving(quota=20) as url:
        settings = settings_for(tmp_path, url)
        with pytest.raises(LabellingStopped):
            await augmented(settings, store)
        assert len(rows(store, select(label_response.c.response_id))) == 320
    with serving() as url:
        settings = settings_for(tmp_path, url)
        await augmented(settings, store)
        assert not rows(store, select(label_request).where(label_request.c.state != "done"))
        assert not rows(store, select(augmentation).where(augmentation.c.outcome == "pending"))


async def test_stopped_augmentation_is_taken_up_again(tmp_path, store):
    """A stop in the middle is taken up again."""
    with serving() as url:
        settings = settings_for(tmp_path, url)
        stop_then = reporting_to(lambda progress: request_stop() if progress.stage == "relabel" else None)
        with stop_then, pytest.raises(Interrupted):
            await augmented(settings, store)
        clear_stop()
        assert (await augmented(settings, store)).accepted > 0
        assert 300 + sum(bill(url).values()) == len(rows(store, select(label_response.c.response_id)))
        assert not rows(store, select(augmentation).where(augmentation.c.outcome == "pending"))


async def test_refused_rewrites_are_set_aside_as_unusable(tmp_path, store):
    with serving(refusal_rate=1.0) as url:
        summary = await augmented(settings_for(tmp_path, url), store, limit=4)
    assert (summary.unusable, summary.accepted) == (4, 0)


async def test_a_limit_orders_so_many(tmp_path, store):
    with serving() as url:
        settings = settings_for(tmp_path, url)
        await augmented(settings, store, limit=3)
    assert len(rows(store, select(augmentation))) == 3


async def test_without_labels_the_stage_to_run_is_named(tmp_path):
    with serving() as url:
        settings = settings_for(tmp_path, url)
        with pytest.raises(MissingStage, match="feedback label"):
            await augmented(settings, open_store(settings.store_url))


async def test_levels_that_stay_short_say_why(tmp_path, store):
    """What stays short says why and the rest is met."""
    with serving() as url:
        summary = await augmented(settings_for(tmp_path, url), store)
    assert summary.levels
    assert all((level.reason is None) == (level.lacking == 0) for level in summary.levels)
    assert summary.ordered == summary.accepted + summary.missed_target + summary.near_duplicate + summary.unusable


def test_preview_writes_nothing_and_states_assumptions(store):
    """A preview buys and writes nothing and says what is assumed."""
    before = rows(store, select(label_request)), rows(store, select(augmentation))
    shown = preview_augmentation(store, LABEL_SET)
    assert (rows(store, select(label_request)), rows(store, select(augmentation))) == before
    assert shown.plan.rewrites
    assert all(each.assumed for each in shown.hit_rates)
    assert shown.cost.tries == 2 * len(shown.plan.rewrites)
    assert shown.cost.relabel.n_responses == 300


async def test_preview_after_a_run_is_empty(tmp_path, store):
    """After a run the preview has nothing to order."""
    with serving() as url:
        await augmented(settings_for(tmp_path, url), store)
    shown = preview_augmentation(store, LABEL_SET)
    assert (shown.plan.rewrites, shown.n_pending, shown.cost.tries) == ((), 0, 0)


async def test_preview_uses_the_measured_hit_rate(tmp_path, store):
    """A preview takes the hit rate of what was judged."""
    with serving() as url:
        await augmented(settings_for(tmp_path, url), store, max_share=0.05)
    known = [each for each in preview_augmentation(store, LABEL_SET, max_share=0.3).hit_rates if not each.assumed]
    became = outcomes_by_level(store, rewrite_config_of(LABEL_SET))
    for each in known:
        assert each.rate == became[each.trait, each.target_score].accepted / each.n_judged
