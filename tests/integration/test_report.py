"""The report: one file that says what the database says, whatever the outputs hold."""

import json
from html.parser import HTMLParser

import pytest
from sqlalchemy import update

from eval.evaluate import evaluate
from eval.report.content import compose
from eval.report.data import from_document, to_document
from eval.report.load import load_report_data, load_results_table, run_query_file
from eval.report.number_formats import show_share
from eval.report.render import render_page
from eval.report.table import results_markdown
from eval.report.write import write_report
from feedback_model.errors import MissingStage, StoreError
from feedback_model.store import tables
from feedback_model.store.promotions import record_decision
from feedback_model.store.readonly_sql import run_query
from tests.evaluated_run import RUN, decide_on, evaluate_filled, evaluate_run, fill_run, open_evaluated, relabel


class Tags(HTMLParser):
    """Collects the tags of a page, and what they point at."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str | None] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag == "script":
            self.scripts.append(dict(attrs).get("type"))


def read(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def content_of(store, evaluation):
    return compose(load_report_data(store, evaluation))


def page_on(store, evaluation):
    gathered = load_report_data(store, evaluation)
    return render_page(gathered, compose(gathered))


def decided(store):
    made = evaluate_filled(store)
    record_decision(store, decide_on(store, made.validation, made.test))
    return made


@pytest.fixture
def evaluated(store_with):
    made = open_evaluated(store_with, decided)
    return made.run, made.test


@pytest.fixture
def evaluated_anywhere(any_store_with):
    """The same on each kind of database in turn."""
    made = open_evaluated(any_store_with, decided)
    return made.run, made.test


def test_the_report_is_one_small_file(evaluated, settings):
    run, test = evaluated
    path = write_report(run.store, settings)
    page = path.read_text(encoding="utf-8")
    assert path == settings.reports / f"{test.evaluation_id}.html"
    assert (settings.reports / "latest.html").read_text(encoding="utf-8") == page
    assert len(page.encode()) < 2_000_000
    assert all(link.startswith("#") for link in read(page).links)
    assert read(page).scripts == ["application/json"]  # data, which no browser runs
    assert "prefers-color-scheme: dark" in page
    assert [each.name for each in settings.reports.iterdir() if each.name.startswith(".")] == []


def test_json_and_markdown_hold_the_same_figures(evaluated_anywhere, settings):
    run, test = evaluated_anywhere
    path = write_report(run.store, settings)
    document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    markdown = path.with_suffix(".md").read_text(encoding="utf-8")
    assert from_document(document["results"]) == load_report_data(run.store, test).results
    assert markdown.startswith(f"# {document['verdict']}\n")
    assert f"{test.best_epoch.mse_penalised:.2f}" in markdown
    assert markdown == (settings.reports / "latest.md").read_text(encoding="utf-8")


def test_the_verdict_comes_first_with_its_interval(evaluated):
    run, test = evaluated
    content = content_of(run.store, test)
    best = test.best_epoch.model
    pair = next(each for each in test.comparisons if (each.model, each.other) == (best, "base-nf4"))
    assert content.verdict.startswith(f"Inconclusive for {best}: on 40 test transcripts")  # too few to show validity
    assert f"{-pair.difference:.2f} lower than base-nf4's" in content.verdict
    assert f"(95% interval {-pair.ci_high:.2f} to {-pair.ci_low:.2f} lower)" in content.verdict


def test_equal_content_is_drawn_alike_to_the_byte(evaluated):
    run, test = evaluated
    gathered = load_report_data(run.store, test)
    assert from_document(json.loads(json.dumps(to_document(gathered.results)))) == gathered.results
    assert page_on(run.store, test) == page_on(run.store, test)


def test_every_model_has_its_stored_figures(evaluated, settings):
    run, test = evaluated
    page = write_report(run.store, settings).read_text(encoding="utf-8")
    for place, result in enumerate(sorted(test.models, key=lambda each: each.model)):
        assert f'<span data-cell="summary/{place}/mse_penalised">{result.mse_penalised:.2f}</span>' in page


def test_rankings_say_whether_missing_outputs_matter(evaluated):
    run, test = evaluated
    ranks = content_of(run.store, test).ranks
    assert [each.summary["model"] for each in ranks] == [
        each.model for each in sorted(test.models, key=lambda each: each.mse_penalised)
    ]
    assert [each.after["survives_missing"] for each in ranks[:-1]].count(None) == 0


def test_relabelled_transcripts_draw_the_noise_floor(evaluated):
    run, test = evaluated
    assert "no floor is drawn" in content_of(run.store, test).figures["traits"].caption
    relabel(run, {f"t{number:04}": [6, 6, 6, 6, 6, 6] for number in range(20, 40)})
    again = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2", again=True)
    content = content_of(run.store, again)
    assert "dotted line" in content.figures["traits"].caption
    assert set(content.floors) >= {"all", "empathy"}


def test_outputs_are_shown_as_text_never_as_markup(evaluated_anywhere, settings):
    run, _ = evaluated_anywhere
    with run.store.write() as connection:
        hostile = b"</pre><script>alert(1)</script>\x00\xff\xe2\x80\xae"
        connection.execute(
            update(tables.output).where(tables.output.c.inference_id == run.models["epoch-2"]).values(raw=hostile)
        )
        connection.execute(update(tables.transcript).values(text="<img src=x onerror=alert(1)> \u202eabc"))
    test = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2", again=True)
    page = write_report(run.store, settings, test.evaluation_id).read_text(encoding="utf-8")
    assert "img" not in read(page).tags
    assert read(page).scripts == ["application/json"]
    assert "&lt;/pre&gt;" in page


def test_demo_parts_are_named_in_report_and_tables(evaluated, settings):
    run, _ = evaluated
    page = write_report(run.store, settings).read_text(encoding="utf-8")
    assert "Made with demo parts" in page
    assert any("embedded-rubric-3" in note for note in load_results_table(run.store).notes)
    assert any("demo model" in note for note in load_results_table(run.store).notes)


def test_a_reader_can_run_the_sql_shown(evaluated_anywhere):
    run, test = evaluated_anywhere
    url = run.store.engine.url.render_as_string(hide_password=False)
    for answer in load_report_data(run.store, test).results.values():
        assert len(run_query(url, answer.sql).rows) == len(answer.cells), answer.sql


def test_the_figures_are_all_there(evaluated):
    run, test = evaluated
    figures = content_of(run.store, test).figures
    panels = {name: len(figure.panels) for name, figure in figures.items()}
    assert panels == {"differences": 2, "validity": 2, "traits": 6, "confusion": 6, "training": 3, "augmentation": 6}
    svgs = [panel.svg for figure in figures.values() for panel in figure.panels]
    assert all(svg.startswith("<svg") and "#0000" not in svg for svg in svgs)


def test_the_page_says_how_the_training_computed(evaluated_anywhere):
    run, test = evaluated_anywhere
    made = content_of(run.store, test).training
    assert (made["n_steps"], made["n_tokens"], made["tokens_per_second"]) == (30, 90_000, 1500)
    page = page_on(run.store, test)
    assert ">1,500</span>" in page and ">3.0 GiB</span>" in page
    assert f"{made['precision_used']} on cpu" in page
    assert "no CUDA device" in page


def test_values_are_quoted_in_the_sql(store):
    answer = run_query_file(store, "summary", evaluation_id="it's")
    assert "evaluation_id = 'it''s'" in answer.sql
    assert answer.cells == ()


def test_without_an_evaluation_the_next_step_is_named(store, settings):
    with pytest.raises(MissingStage, match="feedback evaluate"):
        write_report(store, settings)
    with pytest.raises(MissingStage, match="no evaluation 'nowhere'"):
        load_results_table(store, "nowhere")


@pytest.mark.parametrize(("n_held_out", "raw"), [(1, None), (3, b"no"), (3, b"")])
def test_a_report_on_hardly_any_data_is_written(store, settings, n_held_out, raw):
    run = fill_run(store, n_train=6, n_held_out=n_held_out)
    if raw is not None:
        with store.write() as connection:
            connection.execute(update(tables.output).values(raw=raw))
    _, test = evaluate_run(run)
    assert write_report(store, settings).stat().st_size > 10_000
    assert results_markdown(load_results_table(store)).count("| base-nf4 |") == 2  # by rank, and by trait
    if raw is not None:
        assert "gave no strictly valid output" in page_on(store, test)


def test_a_report_without_an_epoch_says_so(store, settings):
    run = fill_run(store, n_held_out=5)
    base = {name: inference for name, inference in run.models.items() if name.startswith("base")}
    test = evaluate(store, run.dataset, "test", base, None)
    page = write_report(store, settings).read_text(encoding="utf-8")
    assert content_of(store, test).verdict.startswith("No epoch was measured")
    assert "nothing to set side by side" in page
    assert "No decision about the champion" in page


def test_a_report_on_one_model_says_so(store):
    run = fill_run(store, n_held_out=5)
    test = evaluate(store, run.dataset, "test", {"base-nf4": run.models["base-nf4"]}, None)
    assert "Only base-nf4 was measured" in page_on(store, test)


def test_a_report_that_cannot_be_written_says_where(evaluated, settings):
    run, _ = evaluated
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.reports.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        write_report(run.store, settings)


def test_the_table_and_the_markdown_agree(evaluated):
    run, test = evaluated
    table = load_results_table(run.store)
    assert [row.model for row in table.rows] == ["base", "base-nf4", "epoch-1", "epoch-2", "epoch-3"]
    markdown = results_markdown(table)
    best = next(row for row in table.rows if row.is_best_epoch)
    assert f"| **{best.model}** | {best.valid_strict}/{best.n_test}" in markdown
    assert best.mse_by_trait == pytest.approx([t.mse for t in test.best_epoch.traits if t.subset == "penalised"])


def test_shares_are_never_rounded_to_all_or_nothing():
    assert [show_share(n, 4000) for n in (0, 1, 3999, 4000)] == ["0%", "0.1%", "99.9%", "100%"]
    assert show_share(0, 0) == "\N{EN DASH}"
