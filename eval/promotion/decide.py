"""Verdict on the best epoch, from the evidence that each rule finds. Pure: no store, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eval.panel import Panel
from eval.promotion.evidence import PairedTest, test_constant, test_incumbent, test_traits, test_validity
from feedback_model.errors import MissingStage
from feedback_model.records.evaluation import Evaluation, ModelResult
from feedback_model.records.promotion import Decision, Evidence, FixedRules, Outcome, PromotionRules, Verdict

RULES: Final = PromotionRules(
    version="gate-3",
    alpha=0.05,  # as the intervals of the reports
    validity_floor=0.9,  # of ten people who ask, nine get an answer
    trait_margin=1.0,  # one point off on every transcript
)

UNTRAINED = ("base-nf4", "base")
"""The incumbent where there is no champion: what training started from, in the form that it did, else as published."""


@dataclass(frozen=True, slots=True)
class GateInput:
    """Everything that a decision may depend on."""

    validation: Evaluation
    test: Evaluation | None
    """Only reported on."""
    panel: Panel
    """The validation transcripts, their labels and every model's outputs."""
    champion_id: str | None
    """Model id of the present champion."""
    champion_retired: bool
    """True where the champion rests on a demo base that this version does not build any more."""
    rolled_back: str | None
    """Reason why the best epoch was rolled back from; None where it was not."""
    rules: PromotionRules
    fixed: FixedRules
    predicted_at: str
    """When the first of the epochs gave its first output."""


def best_epoch(validation: Evaluation) -> ModelResult:
    """Return the epoch to decide about.

    Raises:
        MissingStage: no epoch was evaluated.
    """
    if validation.best_epoch is None:
        raise MissingStage("no trained epoch was evaluated, so there is nothing to promote; run `feedback train` first")
    return validation.best_epoch


def decide(given: GateInput) -> Decision:
    """Promote the best epoch if every rule is shown to hold; hold if one is shown not to; else it is inconclusive.

    Raises:
        MissingStage: no epoch was evaluated.
    """
    best = best_epoch(given.validation)
    evidence = _collect_evidence(given, best)
    return Decision(
        evaluation_id=given.validation.evaluation_id,
        reported_evaluation_id=given.test.evaluation_id if given.test else None,
        model_id=best.model_id,
        model=best.model,
        champion_id=given.champion_id,
        verdict=_verdict(evidence),
        reasons=(*_reasons(evidence), _on_test(given.test, best.model)),
        evidence=evidence,
        rules=given.fixed,
        predicted_at=given.predicted_at,
    )


def _collect_evidence(given: GateInput, best: ModelResult) -> tuple[Evidence, ...]:
    paired = PairedTest(given.validation.evaluation_id, given.panel, best.model, given.rules)
    return (
        *_test_against_incumbent(given, best, paired),
        test_constant(paired),
        test_validity(paired),
        _test_preregistration(given),
    )


def _test_against_incumbent(given: GateInput, best: ModelResult, paired: PairedTest) -> list[Evidence]:
    if given.champion_id == best.model_id:
        return [_without_figure(given, "fail", f"{best.model} is the champion already.")]
    if given.rolled_back is not None:
        return [_without_figure(given, "fail", f"{best.model} was rolled back from, and stays so: {given.rolled_back}")]
    incumbent = _incumbent(given)
    if incumbent is None:
        return [
            _without_figure(
                given, "unknown", "The model to replace was not measured here; run `feedback evaluate` again."
            )
        ]
    called = (
        "the champion" if incumbent.model_id == given.champion_id else f"{incumbent.model}, the model it started from"
    )
    return [test_incumbent(paired, incumbent.model, called), *test_traits(paired, incumbent.model, incumbent.model)]


def _incumbent(given: GateInput) -> ModelResult | None:
    """Find the champion where there is one that can be run, else the model that training started from."""
    models = given.validation.models
    if given.champion_id is not None and not given.champion_retired:
        return next((result for result in models if result.model_id == given.champion_id), None)
    return next((result for name in UNTRAINED for result in models if result.model == name), None)


def _without_figure(given: GateInput, outcome: Outcome, sentence: str) -> Evidence:
    return Evidence("incumbent", outcome, sentence, given.validation.evaluation_id)


def _test_preregistration(given: GateInput) -> Evidence:
    """Check that the rules were fixed before anything that they judge existed."""
    fixed, predicted = (moment[:19].replace("T", " ") for moment in (given.fixed.fixed_at, given.predicted_at))
    name, in_time = given.validation.evaluation_id, given.fixed.fixed_at <= given.predicted_at
    sentence = (
        f"The rules ({given.fixed.version}) were fixed on {fixed} UTC, {'before' if in_time else 'after'} the epochs gave "
        f"their first output on {predicted}"
    )
    if in_time:
        return Evidence("preregistered", "pass", f"{sentence}.", name)
    sentence += ", so they can only report on them; `feedback train --again` makes a run that they can promote."
    return Evidence("preregistered", "unknown", sentence, name)


def _verdict(evidence: Sequence[Evidence]) -> Verdict:
    outcomes = {found.outcome for found in evidence}
    if "fail" in outcomes:
        return "hold"
    return "inconclusive" if "unknown" in outcomes else "promote"


def _reasons(evidence: Sequence[Evidence]) -> list[str]:
    """Order the sentences, failed rules first; traits that pass share one."""
    told = [found for found in evidence if found.rule != "trait" or found.outcome != "pass"]
    order = ("fail", "unknown", "pass")
    sentences = [found.sentence for found in sorted(told, key=lambda found: order.index(found.outcome))]
    fine = [found for found in evidence if found.rule == "trait" and found.outcome == "pass"]
    if fine:
        worst = max(found.ci_high or 0.0 for found in fine)
        sentences.append(
            f"On {len(fine)} of 6 traits it is shown not to be worse than the incumbent by {fine[0].threshold:.2f}: "
            f"the highest end of their intervals is {worst:+.2f}."
        )
    return sentences


def _on_test(test: Evaluation | None, model: str) -> str:
    result = None if test is None else test.model(model)
    if test is None or result is None or result.mse_penalised is None or test.mse_constant is None:
        return f"{model} was not measured on the test split."
    return (
        f"Reported, not decided on: over {test.n_test} test transcripts its penalised MSE is "
        f"{result.mse_penalised:.2f} (constant predictor {test.mse_constant:.2f}), "
        f"{result.valid_strict} of {test.n_test} outputs strictly valid."
    )
