"""The gate: every rule passes, fails or cannot be told, by intervals; any failure holds, any doubt is inconclusive."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eval.intervals import clustered_share, estimate_mean
from eval.panel import ConstantPredictor, Panel, as_scores
from eval.promotion.decide import RULES, GateInput, decide
from eval.promotion.wording import decision_markdown, phrase_verdict
from feedback_model.errors import MissingStage
from feedback_model.records.evaluation import Evaluation, JudgedOutput, ModelResult
from feedback_model.records.promotion import Decision, Evidence, FixedRules
from feedback_model.traits import TRAIT_KEYS
from tests.builders import a_labelled

FIXED = FixedRules(1, RULES.rules_id, RULES.version, "2026-11-24T01:00:00.000000+00:00")
PREDICTED = "2026-11-24T02:00:00.000000+00:00"
LABELS = np.random.default_rng(0).integers(2, 10, (80, 6))


def said(off_by: float, invalid: int = 0) -> list[JudgedOutput]:
    """Outputs that miss every other score by `off_by`; the first `invalid` are not valid."""
    wrong = LABELS + off_by * (np.arange(LABELS.size).reshape(LABELS.shape) % 2)
    return [
        JudgedOutput("none", None) if place < invalid else JudgedOutput("strict", tuple(row))
        for place, row in enumerate(wrong)
    ]


def a_result(model: str, model_id: str, *, best: bool) -> ModelResult:
    return ModelResult(model, f"i-{model}", model_id, 80, 80, 80, 80, 1.0, 80, 1.0, 1.0, 1.0, 1.0, best, ())


def a_case(models: dict[str, list[JudgedOutput]], best: str | None = "epoch-1", **changes: Any) -> GateInput:
    results = tuple(a_result(name, f"m-{name}", best=name == best) for name in models)
    own = ("validation", "now", "d", "r", "validation", "free", "v", "lm", "p", "c", 80, 5.0, results, ())
    items = tuple(a_labelled(f"t{n}", f"s{n // 2}", row) for n, row in enumerate(LABELS.tolist()))
    outputs = {name: tuple(each) for name, each in models.items()}
    means = ConstantPredictor(LABELS.mean(axis=0), np.median(LABELS, axis=0))
    case = GateInput(Evaluation(*own), None, Panel(items, outputs, means), None, False, None, RULES, FIXED, PREDICTED)
    return replace(case, **changes)


def found(decision: Decision, rule: str) -> Evidence:
    return next(each for each in decision.evidence if each.rule == rule)


def test_an_epoch_that_passes_every_rule_is_promoted() -> None:
    decision = decide(a_case({"base-nf4": said(4), "epoch-1": said(1)}))
    assert decision.verdict == "promote"
    assert [each.rule for each in decision.evidence] == [
        "incumbent",
        *["trait"] * 6,
        "constant",
        "validity",
        "preregistered",
    ]
    assert {each.outcome for each in decision.evidence} == {"pass"}
    assert (decision.champion_id, decision.model_id, decision.rules) == (None, "m-epoch-1", FIXED)


def test_evidence_is_paired_clustered_and_corrected_for_epochs() -> None:
    models = {"base-nf4": said(4, 9), "epoch-1": said(1), "epoch-2": said(2)}
    case = a_case(models)
    evidence = found(decide(case), "incumbent")
    filled = np.where(
        np.isnan(case.panel.predictions("base-nf4")), np.median(LABELS, axis=0), case.panel.predictions("base-nf4")
    )
    errors = ((case.panel.predictions("epoch-1") - LABELS) ** 2 - (filled - LABELS) ** 2).mean(axis=1)
    estimate = estimate_mean(errors, [f"s{n // 2}" for n in range(80)])
    assert estimate is not None
    assert evidence.figure == pytest.approx(errors.mean())
    assert (evidence.ci_low, evidence.ci_high) == pytest.approx(estimate.interval_at(0.9875))


def test_the_valid_share_has_its_exact_interval() -> None:
    evidence = found(decide(a_case({"base-nf4": said(4), "epoch-1": said(1, 3)})), "validity")
    interval = clustered_share(np.arange(80) >= 3, [f"s{n // 2}" for n in range(80)], 0.975)
    assert (evidence.figure, (evidence.ci_low, evidence.ci_high)) == (77 / 80, interval)


@pytest.mark.parametrize(
    ("invalid", "outcome", "verdict"), [(0, "pass", "promote"), (6, "unknown", "inconclusive"), (40, "fail", "hold")]
)
def test_validity_must_be_shown_to_reach_the_floor(invalid: int, outcome: str, verdict: str) -> None:
    decision = decide(a_case({"base-nf4": said(8), "epoch-1": said(0, invalid)}))
    assert (found(decision, "validity").outcome, decision.verdict) == (outcome, verdict)


def test_an_equal_champion_is_kept() -> None:
    case = a_case({"champion": said(1), "epoch-1": said(1)}, champion_id="m-champion")
    assert decide(case).verdict == "hold"
    worse = a_case({"champion": said(2), "epoch-1": said(1)}, champion_id="m-champion")
    assert decide(worse).verdict == "promote"


def test_the_champion_is_found_under_any_name() -> None:
    case = a_case({"base-nf4": said(4), "epoch-1": said(1), "epoch-2": said(0)}, champion_id="m-epoch-2")
    assert decide(case).verdict == "hold"


def test_a_difference_that_chance_explains_is_inconclusive() -> None:
    noisy = said(1)
    noisy[0] = JudgedOutput("strict", tuple(LABELS[0] + 9))
    decision = decide(a_case({"champion": noisy, "epoch-1": said(1)}, champion_id="m-champion"))
    assert (found(decision, "incumbent").outcome, decision.verdict) == ("unknown", "inconclusive")


def test_one_trait_worse_by_the_margin_holds() -> None:
    champion, epoch = said(3), as_scores([output.scores for output in said(0)])
    epoch[:, 2] += 4
    outputs = [JudgedOutput("strict", tuple(row)) for row in epoch]
    decision = decide(a_case({"champion": champion, "epoch-1": outputs}, champion_id="m-champion"))
    failed = [each.trait for each in decision.evidence if each.outcome == "fail"]
    assert (failed, decision.verdict) == ([TRAIT_KEYS[2]], "hold")
    assert found(decision, "incumbent").outcome == "pass"
    assert "On enthusiasm" in phrase_verdict(decision)


def test_no_better_than_the_constant_is_held() -> None:
    decision = decide(a_case({"base-nf4": said(8), "epoch-1": said(6)}))
    assert (found(decision, "constant").outcome, decision.verdict) == ("fail", "hold")


def test_rules_that_came_after_the_predictions_promote_nothing() -> None:
    late = replace(FIXED, fixed_at="2026-11-24T03:00:00.000000+00:00")
    decision = decide(a_case({"base-nf4": said(4), "epoch-1": said(1)}, fixed=late))
    assert decision.verdict == "inconclusive"
    assert "after the epochs gave their first output" in decision.reasons[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"champion_id": "m-epoch-1"}, "is the champion already"),
        ({"rolled_back": "it scolded people"}, "rolled back from, and stays so: it scolded people"),
    ],
)
def test_champion_and_rolled_back_epochs_are_not_promoted(changes: dict[str, Any], reason: str) -> None:
    decision = decide(a_case({"base-nf4": said(4), "epoch-1": said(1)}, **changes))
    assert decision.verdict == "hold"
    assert reason in decision.reasons[0]


def test_an_unmeasured_champion_leaves_it_open() -> None:
    decision = decide(a_case({"base-nf4": said(4), "epoch-1": said(1)}, champion_id="m-of-another-run"))
    assert decision.verdict == "inconclusive"
    assert "evaluate` again" in decision.reasons[0]


def test_a_retired_champion_gives_way_to_the_base() -> None:
    case = a_case({"base-nf4": said(4), "epoch-1": said(1)}, champion_id="m-old", champion_retired=True)
    assert decide(case).verdict == "promote"


def test_one_document_leaves_no_spread_to_judge_by() -> None:
    case = a_case({"base-nf4": said(4), "epoch-1": said(1)})
    items = tuple(replace(item, source_id="s") for item in case.panel.items)
    decision = decide(replace(case, panel=replace(case.panel, items=items)))
    assert decision.verdict == "inconclusive"
    assert found(decision, "constant").ci_low is None


def test_without_an_epoch_there_is_nothing_to_decide() -> None:
    with pytest.raises(MissingStage, match="feedback train"):
        decide(a_case({"base": said(1)}, best=None))


def test_the_artifact_has_a_line_for_each_rule() -> None:
    page = decision_markdown(decide(a_case({"base-nf4": said(4), "epoch-1": said(1)})))
    assert page.startswith("**promote epoch-1: epoch-1 has a smaller penalised MSE than base-nf4")
    assert page.count("\n| ") == 2 + 10  # header, rule, and six traits with four other rules
    assert "was not measured on the test split" in page
