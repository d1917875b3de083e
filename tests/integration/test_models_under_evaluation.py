"""Which models an evaluation compares."""

from dataclasses import replace

import pytest

from feedback_model.inference.models import models_of
from feedback_model.records.training import BaseModel, TrainingRun, choose_precision, default_recipe
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
