"""An export is a model of its own: measured beside its original, its tax in the database, and never mistaken for an epoch."""

from dataclasses import replace
from re import search

import pytest
from sqlalchemy import insert, select

from deployments.cli.results import show_results
from eval.exports import Asked, MeasuredVariant, make_export_card, may_be_champion, measure_variant
from eval.promote import decide_and_record
from eval.report.load import load_results_table
from eval.report.model_card import render_card
from eval.report.write import write_report
from feedback_model.errors import ModelError
from feedback_model.inference.loaded import load_version
from feedback_model.inference.models import choose_model
from feedback_model.records.training import BaseModel, Checkpoint, ModelVersion, Variant, model_order
from feedback_model.store import tables
from feedback_model.store.evaluations import latest_evaluation
from feedback_model.store.readonly_sql import select_rows
from feedback_model.store.training import model_version_of, record_models
from tests.builders import a_manifest
from tests.evaluated_run import RUN, Evaluated, evaluate_larger, open_evaluated, put_adapters

VARIANT = "epoch-2-gguf-q8_0"


@pytest.fixture
def evaluated(store_with) -> Evaluated:
    return open_evaluated(store_with, evaluate_larger)


def add_variant(store, change=lambda number, raw: raw) -> ModelVersion:
    """A variant of epoch-2 in the database that said what epoch-2 said, changed by `change`."""
    original = ModelVersion(
        "epoch-2", BaseModel("embedded", "embedded", "abc", True), True, Checkpoint(RUN, 2, "", "a", None)
    )
    variant = original.as_variant(Variant("gguf-q8_0", "sha"))
    record_models(store, [variant])
    with store.write() as connection:
        asked = connection.execute(
            select(tables.inference).where(tables.inference.c.inference_id == "inference-epoch-2")
        )
        row = dict(asked.mappings().one())
        connection.execute(insert(tables.inference), row | {"inference_id": "variant", "model_id": variant.model_id})
        said = connection.execute(select(tables.output).where(tables.output.c.inference_id == "inference-epoch-2"))
        rows = [dict(each) | {"inference_id": "variant"} for each in said.mappings()]
        connection.execute(
            insert(tables.output), [row | {"raw": change(number, row["raw"])} for number, row in enumerate(rows)]
        )
    return variant


def measure(evaluated: Evaluated) -> MeasuredVariant:
    original = Asked("epoch-2", evaluated.run.models["epoch-2"])
    return measure_variant(evaluated.store, evaluated.run.dataset, original, Asked(VARIANT, "variant"))


def test_variant_that_says_the_same_costs_nothing(evaluated):
    add_variant(evaluated.store)
    measured = measure(evaluated)
    assert [(tax.split, tax.n_same, tax.n_asked, tax.difference) for tax in measured.tax] == [
        ("validation", 60, 60, 0.0),
        ("test", 60, 60, 0.0),
    ]
    assert measured.verdict == "no worse"


def test_tax_of_a_variant_stands_in_views(evaluated):
    add_variant(evaluated.store, lambda number, raw: raw[:20] if number % 3 == 0 else raw)
    validation, test = measure(evaluated).tax
    rows = select_rows(evaluated.store, "SELECT * FROM variant_tax WHERE original = 'epoch-2' ORDER BY split DESC")
    assert [(row["model"], row["split"], row["verdict"]) for row in rows] == [
        (VARIANT, "validation", "worse"),
        (VARIANT, "test", "worse"),
    ]
    assert validation.valid_strict == validation.valid_strict_original - 20
    assert test.mse is not None
    assert test.mse_original is not None
    assert test.difference == pytest.approx(test.mse - test.mse_original)
    (line,) = select_rows(evaluated.store, "SELECT * FROM lineage WHERE split = 'test' AND variant IS NOT NULL")
    assert (line["model"], line["variant"], line["weights_sha"], line["epoch"]) == (VARIANT, "gguf-q8_0", "sha", 2)


def test_cost_of_nf4_is_told_as_before(evaluated):
    add_variant(evaluated.store)
    measure(evaluated)
    rows = select_rows(evaluated.store, "SELECT * FROM quantisation_tax")
    assert {row["evaluation_id"] for row in rows} == {evaluated.validation.evaluation_id, evaluated.test.evaluation_id}


def test_variant_changes_no_latest_evaluation(evaluated):
    """What `results`, `score` and the report take for the latest evaluation is still that of the whole training."""
    add_variant(evaluated.store)
    measured = measure(evaluated)
    assert latest_evaluation(evaluated.store) == evaluated.test
    assert choose_model(evaluated.store, "epoch-1").version.name == "epoch-1"
    best = [[row.model for row in each.models if row.is_best_epoch] for each in measured.evaluations]
    assert best == [["epoch-2"], ["epoch-2"]]


def test_variants_have_results_and_report(evaluated, settings, capsys):
    add_variant(evaluated.store)
    _, test = measure(evaluated).evaluations
    assert (
        f"| {VARIANT} |" in write_report(evaluated.store, settings, test.evaluation_id).with_suffix(".md").read_text()
    )
    assert load_results_table(evaluated.store, test.evaluation_id)
    show_results(settings, test.evaluation_id, json=False)
    assert VARIANT in capsys.readouterr().out


def test_variant_comes_back_by_its_id(evaluated, settings):
    variant = add_variant(evaluated.store)
    found = model_version_of(evaluated.store, variant.model_id)
    assert (found.name, found.variant) == (VARIANT, Variant("gguf-q8_0", "sha"))
    assert found.model_id == variant.model_id
    with pytest.raises(ModelError, match=rf"{VARIANT} is an export, which is asked where it lies"):
        load_version(settings.home, found)


@pytest.mark.parametrize(
    ("is_champion", "same", "broken", "expected", "said"),
    [
        (False, True, False, False, "epoch-2 is not the champion"),
        (True, True, False, True, "byte for byte"),
        (True, False, False, True, "is shown to be no worse, on 60 validation transcripts"),
        (True, False, True, False, r"is not shown to be no worse, on 60 .* \(worse\)"),
    ],
)
def test_champion_is_what_is_no_worse(evaluated, is_champion, same, broken, expected, said):
    add_variant(evaluated.store, lambda number, raw: raw[:20] if broken and number % 3 == 0 else raw)
    named, reason = may_be_champion("epoch-2", measure(evaluated), is_champion=is_champion, same=same)
    assert named is expected
    assert search(said, reason)
    assert may_be_champion("epoch-2", None, is_champion=True, same=False)[0] is False


def test_card_says_what_the_form_costs(evaluated, settings):
    put_adapters(evaluated.store, settings.home)
    decision = decide_and_record(
        evaluated.store, settings.home, evaluated.validation.evaluation_id, evaluated.test.evaluation_id
    )
    variant = add_variant(evaluated.store)
    measured = measure(evaluated)
    manifest = a_manifest(
        name=VARIANT,
        model_id=variant.model_id,
        original="epoch-2",
        original_model_id=decision.model_id,
        tax=measured.tax,
    )
    original = model_version_of(evaluated.store, decision.model_id)
    card = render_card(make_export_card(evaluated.store, original, manifest, measured.evaluations))
    assert "The model that it was made of became champion by the rules" in card
    assert "It is not to be called the champion: epoch-3 is not the champion." in card
    assert "| validation (decided) | 60 | 60 |" in card
    assert "| no worse |" in card
    unmeasured = replace(manifest, tax=())
    assert "Not measured: see above." in render_card(make_export_card(evaluated.store, original, unmeasured, ()))


def test_variants_follow_their_epoch_in_tables():
    models = ["champion", VARIANT, "base-nf4", "epoch-10", "epoch-2", "base", "epoch-3"]
    assert sorted(models, key=model_order) == [
        "base",
        "base-nf4",
        "epoch-2",
        VARIANT,
        "epoch-3",
        "epoch-10",
        "champion",
    ]
