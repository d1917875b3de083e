"""Which models an evaluation compares, and which of them answers a user."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, select, update

from feedback_model.errors import MissingStage
from feedback_model.inference.models import choose_model, models_of
from feedback_model.records.evaluation import Evaluation
from feedback_model.records.training import BaseModel, TrainingRun, choose_precision, default_recipe
from feedback_model.store import tables
from feedback_model.store.connection import Store
from feedback_model.store.promotions import read_promotions, record_decision, return_to
from tests.databases import OpenFilled
from tests.evaluated_run import decide_on, open_evaluated


@pytest.mark.parametrize(("revision", "with_champion"), [("abc", True), ("another build", False)])
def test_champion_of_another_run_is_asked_if_loadable(
    store_with: OpenFilled, revision: str, with_champion: bool
) -> None:
    """A champion of another run is asked unless its stand in is gone."""
    made = open_evaluated(store_with)
    store, test = made.store, made.test
    decision = replace(decide_on(store, made.validation, test), verdict="promote")
    record_decision(store, decision)
    base = BaseModel("embedded", "embedded", revision, stand_in=True)
    precision = choose_precision("float16", "cpu")
    later = TrainingRun("later", test.dataset_id, base, default_recipe(base), precision, "cpu", "commit", ())

    assert ("champion" in models_of(store, later)) is with_champion


def test_best_epoch_answers_while_nothing_is_promoted(store_with: OpenFilled) -> None:
    made = open_evaluated(store_with)
    chosen = choose_model(made.store)
    assert made.validation.best_epoch is not None
    assert chosen.version.name == made.validation.best_epoch.model == "epoch-2"
    assert not chosen.is_champion


def test_the_champion_answers_once_there_is_one(store_with: OpenFilled) -> None:
    made = open_evaluated(store_with)
    decision = replace(decide_on(made.store, made.validation, made.test), verdict="promote")
    record_decision(made.store, decision)
    for name in (None, "champion", "epoch-2", decision.model_id):
        assert choose_model(made.store, name) == choose_model(made.store, decision.model_id)
        assert choose_model(made.store, name).is_champion
    assert not choose_model(made.store, "epoch-3").is_champion


@pytest.mark.parametrize("name", ["base", "base-nf4", "epoch-1", "epoch-3"])
def test_models_answer_to_their_names(store_with: OpenFilled, name: str) -> None:
    made = open_evaluated(store_with)
    result = made.test.model(name)
    assert result is not None
    assert choose_model(made.store, name).version.name == name
    assert choose_model(made.store, name) == choose_model(made.store, result.model_id)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [(None, "feedback run"), ("champion", "no champion yet"), ("epoch-2", "no model 'epoch-2'")],
)
def test_absent_model_names_the_way_on(store: Store, name: str | None, sentence: str) -> None:
    with pytest.raises(MissingStage, match=sentence):
        choose_model(store, name)


def measure_with_template(store: Store, evaluation: Evaluation, model_id: str, found: dict[str, float]) -> None:
    """Enter that this was found of `model_id` on validation when its answers' JSON is given."""
    measured, asked = tables.evaluation_model, tables.inference
    inferences = select(asked.c.inference_id).where(asked.c.model_id == model_id)
    with store.write(foreign_keys=False) as connection:
        for table, changed, condition in (
            (tables.evaluation, {}, tables.evaluation.c.evaluation_id == evaluation.evaluation_id),
            (asked, {"inference_id": "template"}, asked.c.model_id == model_id),
            (measured, {"inference_id": "template", **found}, measured.c.inference_id.in_(inferences)),
        ):
            row = connection.execute(select(table).where(condition)).mappings().first()
            assert row is not None
            named = {"evaluation_id": "template"} if "evaluation_id" in row else {}
            decoded = {"decoding": "template"} if "decoding" in row else {}
            connection.execute(insert(table), {**row, **changed, **named, **decoded})


def test_a_champion_keeps_its_decoding(store_with: OpenFilled) -> None:
    """It is asked as it was judged when it was promoted, also after a later measurement and a rollback."""
    made = open_evaluated(store_with)
    decision = replace(decide_on(made.store, made.validation, made.test), verdict="promote")
    assert choose_model(made.store, decision.model_id).decoding == "free"
    silent = {"mse_penalised": 0.001, "mse_upper": 90.0}  # says little, and where it would be wrong nothing
    measure_with_template(made.store, made.validation, decision.model_id, silent)
    assert choose_model(made.store, decision.model_id).decoding == "free"
    with made.store.write() as connection:
        template = tables.evaluation_model.c.evaluation_id == "template"
        connection.execute(update(tables.evaluation_model).where(template).values(mse_upper=0.01))
    assert choose_model(made.store, decision.model_id).decoding == "template"
    record_decision(made.store, replace(decision, evaluation_id="template"))
    with made.store.write() as connection:
        connection.execute(update(tables.evaluation_model).values(mse_upper=0.0))
    assert choose_model(made.store).decoding == "template"
    (promotion,) = read_promotions(made.store)
    return_to(made.store, promotion, promotion, "as it was", "test")
    assert [each.decoding for each in read_promotions(made.store)] == ["template", "template"]
