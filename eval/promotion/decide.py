"""From evidence to a verdict. Pure: no store, no clock; the case says all that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eval.panel import Panel
from eval.promotion.evidence import PairedTest, test_constant, test_incumbent, test_traits, test_validity
from feedback_model.errors import MissingStage
from feedback_model.records.evaluation import Evaluation, ModelResult
from feedback_model.records.promotion import Decision, Evidence, FixedRules, Outcome, PromotionRules, Verdict

RULES: Final = PromotionRules(
    version="gate-2",
    alpha=0.05,  # as the intervals of the reports
    validity_floor=0.9,  # of ten people who ask, nine get an answer
    trait_margin=1.0,  # one point off on every transcript
)

UNTRAINED = ("base-nf4", "base")
"""Who is the incumbent where there is no champion: what training started from, in the form that it did."""


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
    """True where the champion is a stand-in that this version cannot ask any more."""
    withdrawn: str | None
    """Why the best epoch was rolled back from; None where it was not."""
    rules: PromotionRules
    fixed: FixedRules
    predicted_at: str
    """When the first of the epochs was first asked."""


def best_epoch(validation: Evaluation) -> ModelResult:
    """The epoch to decide about.

    Raises:
        MissingStage: no epoch was evaluated.
    """
    if validation.best_epoch is None:
        raise MissingStage("no trained epoch was evaluated, so there is nothing to promote; run `feedback train` first")
    return validation.best_epoch


def decide(case: GateInput) -> Decision:
    """Promote the best epoch if every rule is shown to hold; hold if one is shown not to; else it is inconclusive.

    Raises:
        MissingStage: no epoch was evaluated.
    """
    best = best_epoch(case.validation)
    evidence = _weigh(case, best)
    return Decision(
        evaluation_id=case.validation.evaluation_id,
        reported_evaluation_id=case.test.evaluation_id if case.test else None,
        model_id=best.model_id,
        model=best.model,
        champion_id=case.champion_id,
        verdict=_verdict(evidence),
        reasons=(*_reasons(evidence), _on_test(case.test, best.model)),
        evidence=evidence,
        rules=case.fixed,
        predicted_at=case.predicted_at,
    )


def _weigh(case: GateInput, best: ModelResult) -> tuple[Evidence, ...]:
    scale = PairedTest(case.validation.evaluation_id, case.panel, best.model, case.rules)
    return (
        *_weigh_against_incumbent(case, best, scale),
        test_constant(scale),
        test_validity(scale),
        _weigh_order(case),
    )


def _weigh_against_incumbent(case: GateInput, best: ModelResult, scale: PairedTest) -> list[Evidence]:
    if case.champion_id == best.model_id:
        return [_settled(case, "fail", f"{best.model} is the champion already.")]
    if case.withdrawn is not None:
        return [_settled(case, "fail", f"{best.model} was rolled back from, and stays so: {case.withdrawn}")]
    incumbent = _incumbent(case)
    if incumbent is None:
        return [_settled(case, "unknown", "The model to replace was not measured here; run `feedback evaluate` again.")]
    called = (
        "the champion" if incumbent.model_id == case.champion_id else f"{incumbent.model}, the model it started from"
    )
    return [test_incumbent(scale, incumbent.model, called), *test_traits(scale, incumbent.model, incumbent.model)]


def _incumbent(case: GateInput) -> ModelResult | None:
    """The champion where there is one that can be asked, else the model that training started from."""
    models = case.validation.models
    if case.champion_id is not None and not case.champion_retired:
        return next((result for result in models if result.model_id == case.champion_id), None)
    return next((result for name in UNTRAINED for result in models if result.model == name), None)


def _settled(case: GateInput, outcome: Outcome, sentence: str) -> Evidence:
    return Evidence("incumbent", outcome, sentence, case.validation.evaluation_id)


def _weigh_order(case: GateInput) -> Evidence:
    """Whether the rules stood before anything they judge did."""
    fixed, predicted = (moment[:19].replace("T", " ") for moment in (case.fixed.fixed_at, case.predicted_at))
    name = case.validation.evaluation_id
    if case.fixed.fixed_at <= case.predicted_at:
        sentence = (
            f"The rules ({case.fixed.version}) were fixed on {fixed} UTC, before the epochs were asked on {predicted}."
        )
        return Evidence("preregistered", "pass", sentence, name)
    sentence = (
        f"The rules ({case.fixed.version}) were fixed on {fixed} UTC, after the epochs were asked on {predicted}, "
        "so they can only report on them; `feedback train --again` makes a run that they can promote."
    )
    return Evidence("preregistered", "unknown", sentence, name)


def _verdict(evidence: Sequence[Evidence]) -> Verdict:
    outcomes = {found.outcome for found in evidence}
    if "fail" in outcomes:
        return "hold"
    return "inconclusive" if "unknown" in outcomes else "promote"


def _reasons(evidence: Sequence[Evidence]) -> list[str]:
    """The sentences, what speaks against first; traits on which nothing does share one."""
    spoken = [found for found in evidence if found.rule != "trait" or found.outcome != "pass"]
    order = ("fail", "unknown", "pass")
    sentences = [found.sentence for found in sorted(spoken, key=lambda found: order.index(found.outcome))]
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
