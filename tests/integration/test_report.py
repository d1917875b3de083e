"""The report: one file that says what the database says, whatever the outputs hold."""

import re
from html.parser import HTMLParser

import pytest
from sqlalchemy import update

from eval.evaluation import evaluate
from eval.report import write_report
from eval.report.asking import ask
from eval.report.content import gather, state_verdict
from eval.report.table import results_markdown, results_table, show_share
from feedback_model.errors import MissingStage
from feedback_model.store import tables
from feedback_model.store.decisions import read_decision, record_decision
from feedback_model.store.door import run_query
from tests.evaluated_run import RUN, decide_on, evaluate_run, fill_run


class Tags(HTMLParser):
    """Collects the tags of a page, and what they point at."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]


def read(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


@pytest.fixture
def evaluated(any_store):
    run = fill_run(any_store, n_held_out=60)  # with 40 no model could show that it deserves promotion
    validation, test = evaluate_run(run)
    record_decision(any_store, decide_on(any_store, validation, test))
    return run, test


def test_the_report_is_one_small_file_that_needs_nothing_else(evaluated, settings):
    run, test = evaluated
    path = write_report(run.store, settings)
    page = path.read_text(encoding="utf-8")
    assert path == settings.reports / f"{test.evaluation_id}.html"
    assert (settings.reports / "latest.html").read_text(encoding="utf-8") == page
    assert len(page.encode()) < 2_000_000
    assert read(page).links == []
    assert "script" not in read(page).tags
    assert "prefers-color-scheme: dark" in page
    assert [each.name for each in settings.reports.iterdir() if each.name.startswith(".")] == []


def test_the_report_shows_every_model_with_the_stored_figures(evaluated, settings):
    run, test = evaluated
    page = write_report(run.store, settings).read_text(encoding="utf-8")
    for result in test.models:
        assert f"<td>{result.model}</td>" in page
        assert f"<td>{result.mse_penalised:.2f}</td>" in page
    assert state_verdict(test, read_decision(run.store, test)) in page
    assert "earns promotion" in page


def test_outputs_are_shown_as_text_never_as_markup(evaluated, settings):
    run, _ = evaluated
    with run.store.write() as connection:
        hostile = b"</pre><script>alert(1)</script>\x00\xff\xe2\x80\xae"
        connection.execute(
            update(tables.output).where(tables.output.c.inference_id == run.models["epoch-2"]).values(raw=hostile)
        )
        connection.execute(update(tables.transcript).values(text="<img src=x onerror=alert(1)> \u202eabc"))
    test = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2", again=True)
    page = write_report(run.store, settings, test.evaluation_id).read_text(encoding="utf-8")
    assert not {"script", "img"} & set(read(page).tags)
    assert "&lt;/pre&gt;" in page


def test_stand_ins_are_named_in_the_report_and_in_every_table(evaluated, settings):
    run, _ = evaluated
    page = write_report(run.store, settings).read_text(encoding="utf-8")
    assert "What was stood in for" in page
    assert any("embedded-rubric-1" in note for note in results_table(run.store).notes)
    assert any("embedded base" in note for note in results_table(run.store).notes)


def test_what_is_shown_as_sql_can_be_asked_by_the_reader(evaluated, settings):
    run, test = evaluated
    content = gather(run.store, test)
    shown = [content.summary_sql, content.traits_sql, content.failures_sql, content.cost.sql, content.lineage.sql]
    shown += [content.examples.answered_sql, content.examples.failed_sql]
    shown += [sql for figure in content.figures for sql in re.split(r";\s*", figure.sql) if sql]
    url = run.store.engine.url.render_as_string(hide_password=False)
    for sql in shown:
        assert run_query(url, sql).rows, sql


def test_the_figures_are_all_there(evaluated):
    run, test = evaluated
    figures = gather(run.store, test).figures
    assert [len(figure.panels) for figure in figures] == [6, 2, 6, 6, 1]
    assert all(
        panel.svg.startswith("<svg") and "#0000" not in panel.svg for figure in figures for panel in figure.panels
    )


def test_values_are_quoted_in_the_sql_that_is_shown(store):
    answer = ask(store, "summary", evaluation_id="it's")
    assert "evaluation_id = 'it''s'" in answer.sql
    assert answer.rows == []


def test_without_an_evaluation_the_next_step_is_named(store, settings):
    with pytest.raises(MissingStage, match="feedback evaluate"):
        write_report(store, settings)
    with pytest.raises(MissingStage, match="no evaluation 'nowhere'"):
        results_table(store, "nowhere")


@pytest.mark.parametrize(("n_held_out", "raw"), [(1, None), (3, b"no"), (3, b"")])
def test_a_report_on_next_to_nothing_is_still_a_report(store, settings, n_held_out, raw):
    run = fill_run(store, n_train=6, n_held_out=n_held_out)
    if raw is not None:
        with store.write() as connection:
            connection.execute(update(tables.output).values(raw=raw))
    evaluate_run(run)
    assert write_report(store, settings).stat().st_size > 10_000
    assert results_markdown(store).count("| base-nf4 |") == 1


def test_a_report_without_an_epoch_makes_no_claim_of_one(store, settings):
    run = fill_run(store, n_held_out=5)
    base = {name: inference for name, inference in run.models.items() if name.startswith("base")}
    test = evaluate(store, run.dataset, "test", base, None)
    assert write_report(store, settings).exists()
    assert state_verdict(test, None).startswith("2 models were measured on 5 test transcripts")


def test_the_table_and_the_markdown_agree(evaluated):
    run, test = evaluated
    table = results_table(run.store)
    assert [row.model for row in table.rows] == ["base", "base-nf4", "epoch-1", "epoch-2", "epoch-3"]
    markdown = results_markdown(run.store, test.evaluation_id)
    best = next(row for row in table.rows if row.is_best_epoch)
    assert f"| **{best.model}** | {best.valid_strict}/{best.n_test}" in markdown
    assert best.mse_by_trait == pytest.approx([t.mse for t in test.best_epoch.traits if t.subset == "penalised"])


def test_a_share_is_never_rounded_to_all_or_nothing():
    assert [show_share(n, 4000) for n in (0, 1, 3999, 4000)] == ["0%", "0.1%", "99.9%", "100%"]
    assert show_share(0, 0) == "\N{EN DASH}"
