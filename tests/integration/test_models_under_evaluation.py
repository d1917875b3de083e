"""Which models an evaluation compares, and which of them answers a user."""

from dataclasses import replace

import pytest

from feedback_model.errors import MissingStage
from feedback_model.inference.models import choose_model, models_of
from feedback_model.records.training import BaseModel, TrainingRun, choose_precision, default_recipe
from feedback_model.store.connection import Store
from feedback_model.store.promotions import record_decision
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
