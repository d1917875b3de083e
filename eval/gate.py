"""Whether the best epoch may become champion. The rule is fixed; this applies it and says why, with figures.

The choice and the comparison are made on the validation split. Test is reported on, and never decides.
"""

from collections.abc import Sequence

from feedback_model.errors import MissingStage
from feedback_model.store.evaluation_records import Decision, Evaluation, ModelResult, Verdict


def decide(validation: Evaluation, test: Evaluation) -> Decision:
    """Promote the best validation epoch if it beats the constant predictor, and the present champion where there is one.

    Both comparisons are of penalised MSE on the validation split, so an output that is not valid costs what saying the
    train median would. `inconclusive` means that a figure is missing.

    Raises:
        MissingStage: no epoch was evaluated.
    """
    best = validation.best_epoch
    if best is None:
        raise MissingStage("no trained epoch was evaluated, so there is nothing to promote; run `feedback train` first")
    checks = [_against_constant(validation, best), _against_champion(validation, best)]
    verdicts: list[Verdict] = [verdict for verdict, _ in checks]
    reasons = (*(reason for _, reason in checks), _on_test(test, best.model))
    return Decision(test.evaluation_id, best.model_id, best.model, _strictest(verdicts), reasons)


def _strictest(verdicts: Sequence[Verdict]) -> Verdict:
    if "hold" in verdicts:
        return "hold"
    return "inconclusive" if "inconclusive" in verdicts else "promote"


def _against_constant(validation: Evaluation, best: ModelResult) -> tuple[Verdict, str]:
    if best.mse_penalised is None or validation.mse_constant is None:
        return "inconclusive", f"{best.model} could not be compared with the constant predictor: a figure is missing."
    beats = best.mse_penalised < validation.mse_constant
    return ("promote" if beats else "hold"), (
        f"On {validation.n_test} validation transcripts {best.model} has a penalised MSE of {best.mse_penalised:.2f}, "
        f"{'below' if beats else 'not below'} the constant predictor's {validation.mse_constant:.2f}."
    )


def _against_champion(validation: Evaluation, best: ModelResult) -> tuple[Verdict, str]:
    champion = validation.model("champion")
    if champion is None:
        return "promote", "There is no champion to compare with yet."
    if champion.model_id == best.model_id:
        return "hold", f"{best.model} is the champion already."
    if best.mse_penalised is None or champion.mse_penalised is None:
        return "inconclusive", f"{best.model} could not be compared with the champion: a figure is missing."
    beats = best.mse_penalised < champion.mse_penalised
    return ("promote" if beats else "hold"), (
        f"The present champion has {champion.mse_penalised:.2f} there, which {best.model} "
        f"{'undercuts' if beats else 'does not undercut'}."
    )


def _on_test(test: Evaluation, model: str) -> str:
    result = test.model(model)
    if result is None or result.mse_penalised is None or test.mse_constant is None:
        return f"{model} was not measured on the test split."
    return (
        f"Reported, not decided on: over {test.n_test} test transcripts its penalised MSE is "
        f"{result.mse_penalised:.2f} (constant predictor {test.mse_constant:.2f}), "
        f"{result.valid_strict} of {test.n_test} outputs strictly valid."
    )
