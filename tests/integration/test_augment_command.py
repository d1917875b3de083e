"""`feedback augment --dry-run`: the plan and its price, with no key and nobody asked."""

import json

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from feedback_model.labelling.labeller import labelling_config_of
from feedback_model.store.connection import Store
from feedback_model.store.tables import augmentation, label_request, transcript
from tests.builders import a_feedback, a_speech, a_transcript, store_label, store_transcripts


@pytest.fixture
def labelled(settings, store, monkeypatch) -> Store:
    """Forty train transcripts that GPT-4o-mini labelled, all of them fives."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    transcripts = [a_transcript(a_speech(number)) for number in range(40)]
    store_transcripts(store, transcripts)
    for each in transcripts:
        store_label(store, each.transcript_id, a_feedback(), labelling_config_of("openai", settings))
    return store


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["augment", "--dry-run", *arguments])


def test_plan_and_price_need_no_key(labelled):
    """The plan and its price are shown without a key."""
    shown = invoke()
    assert shown.exit_code == 0
    for said in ("Levels that are short", "expected cost: $0.00", "planning assumption", "genai-prices"):
        assert said in shown.output


def test_json_names_every_parent_and_target(labelled):
    """The same as json names every parent and target."""
    told = json.loads(invoke("--json").stdout)
    assert len(told["plan"]["rewrites"]) == told["plan"]["budget"] == 4
    assert set(told["plan"]["rewrites"][0]) == {"parent_id", "trait", "present_score", "target_score"}
    assert told["cost"]["usd"] > 0
    assert told["histogram"]["empathy"]["5"] == 40


def test_nothing_is_written(labelled):
    before = [labelled_rows(labelled, table) for table in (label_request, augmentation, transcript)]
    invoke()
    assert [labelled_rows(labelled, table) for table in (label_request, augmentation, transcript)] == before


def labelled_rows(store, table):
    with store.read() as connection:
        return connection.execute(table.select()).all()


def test_without_labels_the_stage_to_run_is_named(settings, store, monkeypatch):
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    assert "feedback label" in str(invoke().exception)
