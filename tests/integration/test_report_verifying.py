"""Checking a finished report: whatever is changed, in the file or beneath it, is named."""

import json
import re
import shutil

import pytest
from sqlalchemy import delete, select, update

from deployments.cli.report import verify
from eval.report.recompute import recompute
from eval.report.verify import verify_report
from eval.report.write import write_report
from feedback_model.errors import InputError
from feedback_model.records.transcripts import Occurrence
from feedback_model.settings import Settings
from feedback_model.store import tables
from feedback_model.store.burial import bury
from feedback_model.store.connection import open_store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.evaluations import latest_evaluation
from feedback_model.store.forgetting import Target
from feedback_model.store.promotions import record_decision
from feedback_model.store.transcripts import NewOccurrence, add_transcripts
from tests.evaluated_run import EvaluatedRun, decide_on, evaluate_run, fill_run, relabel


def report_on(store, home):
    """Fill, evaluate, decide and report."""
    run = fill_run(store, n_train=24, n_held_out=12)
    validation, test = evaluate_run(run)
    record_decision(store, decide_on(store, validation, test))
    return write_report(store, Settings(home=home, _env_file=None))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    home = tmp_path_factory.mktemp("made") / "home"
    home.mkdir()
    store = open_store(f"sqlite:///{home / 'feedback.db'}")
    report_on(store, home)
    store.close()
    return home


@pytest.fixture
def reported(made_once, settings):
    """A store of one's own, its test evaluation, and the report on it."""
    shutil.copytree(made_once, settings.home)
    store = open_store(settings.store_url)
    yield store, latest_evaluation(store, "test"), settings.reports / "latest.html"
    store.close()


def edit(path, pattern, replacement):
    """Replace the first match of `pattern` in the file; fails where there is none."""
    changed, n = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), count=1)
    assert n == 1
    path.write_text(changed, encoding="utf-8")


def places(store, path):
    return [difference.where for difference in verify_report(store, path).differences]


def test_an_untouched_report_agrees_with_database_and_outputs(reported):
    store, _, path = reported
    found = verify_report(store, path)
    assert found.differences == ()
    assert found.n_outputs == 2 * 5 * 12
    assert min(found.n_stored, found.n_visible, found.n_recomputed) > 300


def test_a_report_from_postgresql_agrees_too(postgres_url, tmp_path):
    store = open_store(postgres_url)
    assert verify_report(store, report_on(store, tmp_path)).differences == ()
    store.close()


def test_one_digit_that_a_reader_sees_is_named(reported):
    store, _, path = reported
    edit(path, r'(data-cell="summary/3/mse_penalised">\d)', r"\g<1>7")
    assert places(store, path)[0] == "what the page shows as mse_penalised of epoch-2 in summary"


def test_changed_sentences_and_bars_are_named(reported):
    store, _, path = reported
    edit(path, r"Inconclusive for <span", "Promote <span")
    edit(path, r'(aria-roledescription="rule mark"[^>]*transform="translate\()', r"\g<1>9")
    assert places(store, path)[0] == "what the page shows in verdict"
    assert len(places(store, path)) >= 2


def test_one_digit_in_the_data_is_named(reported):
    store, _, path = reported
    edit(path, r'("test", "free", 1)2', r"\g<1>3")
    assert places(store, path)[0].startswith("n_test of ")
    assert "in evaluation" in places(store, path)[0]


def test_a_question_that_was_exchanged_is_named(reported):
    store, _, path = reported
    edit(path, r'(\{"evaluation": \{"sql": ")SELECT DISTINCT', r"\g<1>SELECT")
    assert "the SQL of evaluation" in places(store, path)


def test_a_figure_changed_in_the_database_shows_twice(reported):
    """Once because the report says otherwise, once because the outputs do."""
    store, _, path = reported
    row = tables.evaluation_model
    with store.write() as connection:
        connection.execute(update(row).where(row.c.model == "epoch-2").values(mse_penalised=0.25))
    found = places(store, path)
    assert "mse_penalised of epoch-2 in summary" in found
    assert "epoch-2 mse_penalised" in found


def test_figures_that_agree_are_still_recomputed(reported, settings):
    store, _, _ = reported
    row = tables.evaluation_trait
    with store.write() as connection:
        connection.execute(update(row).where(row.c.model == "epoch-1", row.c.trait == "empathy").values(mse=0.5))
    assert {each.split(" ")[-1] for each in places(store, write_report(store, settings))} == {"mse"}


def test_a_changed_raw_output_is_found(reported):
    store, test, _ = reported
    row = tables.output
    with store.write() as connection:
        of_best = row.select().where(row.c.inference_id == test.best_epoch.inference_id)
        one = connection.execute(of_best.order_by(row.c.transcript_id.desc())).first()  # test ids come last
        key = (row.c.inference_id == one.inference_id) & (row.c.transcript_id == one.transcript_id)
        connection.execute(update(row).where(key).values(raw=b"nothing"))
    found = [each.where for each in recompute(store, test).differences]
    assert f"the judgement of {test.best_epoch.model} on transcript {one.transcript_id}" in found


def test_a_figure_of_the_decision_is_recomputed(reported, settings):
    store, _, _ = reported
    row = tables.evidence
    with store.write() as connection:
        connection.execute(update(row).where(row.c.rule == "validity").values(ci_low=0.99))
    assert places(store, write_report(store, settings)) == ["validity None ci_low"]


def test_outputs_that_are_gone_are_named(reported):
    store, test, _ = reported
    with store.write(foreign_keys=False) as connection:
        connection.execute(delete(tables.output).where(tables.output.c.transcript_id == "t0047"))
    assert "the number of outputs of base" in [each.where for each in recompute(store, test).differences]


def test_labels_that_came_in_later_are_no_difference(reported):
    store, _, path = reported
    relabel(EvaluatedRun(store, read_dataset(store, "dataset-1"), {}), {"t0010": [5, 5, 5, 5, 5, 5]})
    found = verify_report(store, path)
    assert found.differences == ()
    assert any("labels came in" in note for note in found.notes)


def test_a_report_of_another_database_is_refused(reported, tmp_path):
    _, _, path = reported
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(InputError, match="not in this database"):
        verify_report(other, path)
    other.close()


@pytest.mark.parametrize("text", ["", "<html><p>1.99</p></html>", '<script id="report-data">{"format": 1}</script>'])
def test_what_is_no_report_is_refused(store, tmp_path, text):
    page = tmp_path / "page.html"
    page.write_text(text)
    with pytest.raises(InputError, match="no report"):
        verify_report(store, page)
    with pytest.raises(InputError, match="cannot be read"):
        verify_report(store, tmp_path / "nowhere.html")


def test_a_report_of_other_code_is_not_verified(reported):
    store, _, path = reported
    edit(path, r'"renderer": "\w+"', '"renderer": "older"')
    with pytest.raises(InputError, match="drawn by version older"):
        verify_report(store, path)


def test_the_command_counts_agreement_and_names_differences(reported, settings, monkeypatch, capsys):
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    path = reported[-1]
    verify(path)
    assert "all agrees: " in capsys.readouterr().err
    edit(path, r'(data-cell="summary/1/mse_penalised">\d)', r"\g<1>7")
    with pytest.raises(InputError, match="mse_penalised of base-nf4 in summary"):
        verify(path, json=True)
    assert json.loads(capsys.readouterr().out)["agrees"] is False


def forget_one(store, split):
    """Put a tombstone in the place of a transcript of one split."""
    with store.read() as connection:
        transcript = tables.transcript.c
        name = connection.execute(
            select(transcript.transcript_id).where(transcript.split == split).limit(1)
        ).scalar_one()
    bury(store, [name], Target(name, "document", str.isspace, str.isspace))


@pytest.mark.parametrize("split", ["train", "test"])
def test_forgotten_transcripts_forge_nothing(reported, split):
    """What rests on a forgotten test transcript stands alone; without a train transcript the constants do."""
    store, _, path = reported
    forget_one(store, split)
    found = verify_report(store, path)
    assert found.differences == ()
    assert any(note.startswith("forgotten: 1 of the transcripts") for note in found.notes)
    assert found.n_recomputed > 100


def test_a_forged_figure_is_found_beside_forgotten_ones(reported):
    store, evaluation, path = reported
    forget_one(store, "train")
    with store.write() as connection:
        forged = update(tables.evaluation_model).where(
            tables.evaluation_model.c.evaluation_id == evaluation.evaluation_id
        )
        connection.execute(forged.values(mse_individual=0.01))
    assert any("mse_individual" in place for place in places(store, path))


def test_a_speaker_found_later_changes_no_verdict(reported):
    """A text of the evaluation that is landed again as somebody's makes a slice, and the report stays right."""
    store, _, path = reported
    with store.read() as connection:
        item = tables.evaluation_item.c.transcript_id
        name = connection.execute(select(item).limit(1)).scalar_one()
    place = Occurrence(name, "d", None, "a.vtt", ("Ana Ruiz",), 1, 1, None, None, None)
    add_transcripts(store, [], [NewOccurrence(place, {"Ana Ruiz": "ana ruiz"})])
    assert verify_report(store, path).differences == ()
