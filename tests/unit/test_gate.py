"""The gate's rule: beat the constant predictor and the champion on validation, or hold, and say why."""

import pytest

from eval.gate import decide
from feedback_model.errors import MissingStage
from feedback_model.records import Split
from feedback_model.store.evaluation_records import Evaluation, ModelResult


def a_result(model: str, penalised: float | None, model_id: str = "", best: bool = False) -> ModelResult:
    return ModelResult(
        model,
        f"i-{model}",
        model_id or f"m-{model}",
        10,
        10,
        10,
        10,
        penalised,
        10,
        penalised,
        penalised,
        0.0,
        9.0,
        best,
        (),
    )


def an_evaluation(split: Split, *results: ModelResult, constant: float | None = 4.0) -> Evaluation:
    return Evaluation(split, "now", "d", "r", split, "free", "v", "lm", "p", "c", 12, constant, results, ())


def verdict_of(*results: ModelResult, constant: float | None = 4.0):
    return decide(an_evaluation("validation", *results, constant=constant), an_evaluation("test", *results))


def test_an_epoch_that_beats_the_constant_is_promoted_with_its_figures():
    decision = verdict_of(a_result("epoch-1", 2.0, best=True))
    assert (decision.verdict, decision.model, decision.evaluation_id) == ("promote", "epoch-1", "test")
    assert "2.00" in decision.reasons[0]
    assert "4.00" in decision.reasons[0]


@pytest.mark.parametrize("penalised", [4.0, 5.0])
def test_an_epoch_that_does_not_beat_the_constant_is_held(penalised):
    assert verdict_of(a_result("epoch-1", penalised, best=True)).verdict == "hold"


def test_an_epoch_must_beat_the_champion_too():
    epoch = a_result("epoch-1", 2.0, best=True)
    assert verdict_of(epoch, a_result("champion", 1.5)).verdict == "hold"
    assert verdict_of(epoch, a_result("champion", 2.5)).verdict == "promote"


def test_the_champion_does_not_succeed_itself():
    decision = verdict_of(a_result("epoch-1", 2.0, "same", best=True), a_result("champion", 2.0, "same"))
    assert decision.verdict == "hold"
    assert "already" in decision.reasons[1]


def test_a_missing_figure_is_inconclusive():
    assert verdict_of(a_result("epoch-1", 2.0, best=True), constant=None).verdict == "inconclusive"
    assert verdict_of(a_result("epoch-1", 2.0, best=True), a_result("champion", None)).verdict == "inconclusive"


def test_without_an_epoch_there_is_nothing_to_decide():
    with pytest.raises(MissingStage, match="feedback train"):
        verdict_of(a_result("base", 2.0))
