"""Prompt versions: kept with their text when first used, and what labels are told apart by."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from deployments.cli.app import app
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.prompt_versions import describe_prompt, prompt_in_force, request_version
from feedback_model.prompts import prompt_text
from feedback_model.records.labels import LabellingConfig
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.prompts import read_prompt, record_prompt
from feedback_model.store.tables import label_score, prompt
from feedback_model.transcripts.gold import read_gold
from tests.builders import a_feedback, a_transcript, store_label, store_transcripts
from tests.labelling_rig import filled_store, settings_for
from tests.openai_rig.process import serving

EARLIER = LabellingConfig("gpt-4o-mini", "label-earlier")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["labels", *arguments])


@pytest.fixture
def gold(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """A gold file over eight transcripts, labelled under an earlier version alone: all fives, where people said 1 to 8."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    transcripts = [a_transcript(f"This is speech number {number}, more or less.") for number in range(8)]
    store_transcripts(store, transcripts)
    for each in transcripts:
        store_label(store, each.transcript_id, a_feedback(), EARLIER)
    lines = ({"transcript_id": each.transcript_id, "empathy": score} for score, each in enumerate(transcripts, start=1))
    (settings.home / "people.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return str(settings.home / "people.jsonl")


def test_a_version_is_written_once(any_store: Store) -> None:
    used = describe_prompt("label", "gpt-4o-mini", "evidence-first")
    for _ in range(2):
        record_prompt(any_store, used)
    with any_store.read() as connection:
        (row,) = connection.execute(select(prompt)).all()
    assert read_prompt(any_store, used.prompt_version) == used
    assert row.first_used_at


def test_every_request_version_is_known_in_full() -> None:
    for name in ("label", "rewrite"):
        found = prompt_in_force(LabellingConfig("gpt-6-luna", request_version(name, "gpt-6-luna")))
        assert found is not None
        assert prompt_text(name) in found.text
        assert '"reasoning_effort": "none"' in found.text
    assert prompt_in_force(EARLIER) is None


async def test_labelling_keeps_its_prompt_and_evidence(tmp_path: Any) -> None:
    """Labels in either order are the same; each order's text is kept, and every label's evidence."""
    with serving() as url:
        for order in ("score-first", "evidence-first"):
            settings = settings_for(tmp_path / order, url).model_copy(
                update={"label_order": order, "relabel_share": 1.0}
            )
            store, config = filled_store(settings, 5), labelling_config_of("openai", settings)
            async with open_labeller("openai", settings) as labeller:
                assert (await label_missing(store, labeller, config, settings)).labelled == 10
            assert prompt_text("label-again", order) in read_prompt(store, config.prompt_version).text
            with store.read() as connection:
                rows = connection.execute(select(label_score.c.evidence, label_score.c.evidence_found)).all()
            assert {bool(row.evidence) for row in rows} >= {True}
            assert all(row.evidence_found == (True if row.evidence else None) for row in rows)


def test_the_prompt_in_force_needs_no_database(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDBACK_HOME", str(tmp_path))
    shown = invoke("prompt", "--json")
    assert json.loads(shown.stdout)["text"].startswith(prompt_text("label"))
    read = invoke("prompt")
    assert "<transcript>" in read.stdout
    assert read.stderr == f"prompt version {json.loads(shown.stdout)['prompt_version']}\n"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_version_names_those_there_are(settings: Settings, store: Store, gold: str) -> None:
    record_prompt(store, describe_prompt("label", "gpt-4o-mini"))
    used = describe_prompt("label", "gpt-4o-mini").prompt_version
    assert json.loads(invoke("prompt", used, "--json").stdout)["prompt_version"] == used
    with pytest.raises(Exception, match=f"no prompt version 'nonsense' was used .* there are {used}"):
        CliRunner().invoke(app, ["labels", "prompt", "nonsense"], catch_exceptions=False)
    with pytest.raises(Exception, match="gave no labels with the prompt version 'nonsense'; it did with label-earlier"):
        CliRunner().invoke(app, ["labels", "gold", gold, "--prompt-version", "nonsense"], catch_exceptions=False)


def test_gold_looks_at_an_earlier_version(gold: str) -> None:
    """An earlier version's labels are compared with people and with the best constant, which does better here."""
    found = json.loads(invoke("gold", gold, "--prompt-version", "label-earlier", "--json").stdout)
    empathy = next(each for each in found["traits"] if each["trait"] == "empathy")
    assert (empathy["mse"], empathy["mse_constant"]) == (5.5, 5.25)
    shown = invoke("gold", gold, "--prompt-version", "label-earlier")
    assert "constant's MSE" in shown.output
    assert "worse than a constant (people's mean for every transcript): empathy" in shown.output


def test_drift_starts_from_an_earlier_version(settings: Settings, store: Store, gold: str) -> None:
    for name in read_gold(Path(gold)):
        store_label(store, name, a_feedback(*[7] * 6), labelling_config_of("openai", settings))
    (drift,) = json.loads(invoke("drift", "--prompt-version", "label-earlier", "--json").stdout)
    assert drift["prompt_version"] == labelling_config_of("openai", settings).prompt_version
    assert {each["difference"] for each in drift["traits"]} == {-2.0}
