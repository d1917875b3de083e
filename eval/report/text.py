"""Sentences of the report, each made of the rows it is given and nothing else."""

from eval.report.data import Cell, Row
from eval.report.number_formats import show_count, show_points
from feedback_model.parsing import FailureCode

_OUTCOMES = {
    "promote": "Promote {model}",
    "hold": "Hold {model}",
    "inconclusive": "Inconclusive for {model}",
}
_PARITY = {
    "no worse": "Quantising to NF4 costs less than the margins: on error, on error where both are valid, and on validity.",
    "worse": "Quantising to NF4 costs more than a margin.",
    "not resolved": "With this many transcripts the cost of quantising to NF4 cannot be told apart from the margins: "
    "that is neither parity nor a loss.",
}


def state_verdict(
    evaluation: Row, best: Row | None, compared: Row | None, decision: Row | None, *, proves: bool = False
) -> str:
    """State the result of the evaluation in one sentence, with its interval.

    Args:
        best: the summary of the best epoch; None where none was chosen.
        compared: the best epoch's penalised comparison with the model it would replace.
        proves: whether the evaluation is there to show what augmentation was worth, and nothing is decided by it.
    """
    many = "" if evaluation["n_test"] == 1 else "s"
    transcripts = f"{show_count(evaluation['n_test'])} {evaluation['split']} transcript{many}"
    if best is None:
        return (
            f"No epoch was measured, so there is nothing to promote; the models below were measured on {transcripts}."
        )
    model, asked = (decision["model"], decision["decoding"]) if decision else (best["model"], evaluation["decoding"])
    opening = (_OUTCOMES[str(decision["verdict"])] if decision else _undecided(proves=proves)).format(model=model)
    if asked != evaluation["decoding"]:
        opening, transcripts = f"{opening}, asked as {asked}", f"{transcripts}, asked as {evaluation['decoding']},"
    whose = "its" if model == best["model"] else f"{best['model']}'s"
    error = f"on {transcripts} {whose} mean squared error is"
    if compared is None or compared["difference"] is None:
        return f"{opening}: {error} {show_points(best['mse_penalised'])}; it was compared with no other model."
    return f"{opening}: {error} {phrase_difference(compared)} {compared['other']}'s {_phrase_interval(compared)}."


def _undecided(*, proves: bool) -> str:
    return "{model} beside the same training without augmentation" if proves else "No decision yet on {model}"


def state_effect(n_test: Cell, split: Cell, compared: Row) -> str:
    """State whether augmentation helped, by `compared`, the penalised comparison with the training without the rewrites."""
    difference = compared["difference"]
    opening = "It cannot be told whether augmentation helped"
    if isinstance(difference, int | float) and compared["distinguishable"]:
        opening = "Augmentation helped" if difference < 0 else "Augmentation did not help"
    return (
        f"{opening}: on {show_count(n_test)} real {split} transcripts the mean squared error of {compared['model']} is "
        f"{phrase_difference(compared)} that of the same training without the rewrites {_phrase_interval(compared)}."
    )


def phrase_difference(compared: Row) -> str:
    """Phrase a difference: `7.21 lower than`."""
    difference = compared["difference"]
    if not isinstance(difference, int | float) or not round(difference, 2):
        return "level with"
    return f"{_away(difference)} than"


def _phrase_interval(compared: Row) -> str:
    low, high = compared["ci_low"], compared["ci_high"]
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return "(too few documents to put an interval around it)"
    if low == high == 0:
        return "(their errors are equal on every document)"
    near, far = sorted((low, high), key=abs)
    if low < 0 < high:
        return f"(95% interval {_away(low)} to {_away(high)}: {phrase_outcome(compared)})"
    note = "" if compared["distinguishable"] else f": {phrase_outcome(compared)}"
    return f"(95% interval {show_points(abs(near))} to {_away(far)}{note})"


def _away(value: float) -> str:
    return f"{show_points(abs(value))} {'lower' if value < 0 else 'higher'}"


def phrase_outcome(compared: Row) -> str:
    """Phrase which model has less error, after correction for all pairs; or that they are not distinguishable."""
    difference = compared["difference"]
    if not isinstance(difference, int | float):
        return "not compared"
    if not compared["distinguishable"]:
        return "not distinguishable"
    return "less error" if difference < 0 else "more error"


def phrase_survival(survives: Cell) -> str:
    """Phrase whether the order holds whatever the missing outputs would have been."""
    if survives is None:
        return "not known"
    return "holds" if survives else "could reverse"


def describe_failure(code: Cell) -> str:
    """Describe a failure code; nothing for one that only an older judge gave."""
    known = {str(each): each.sentence for each in FailureCode}
    return known.get(str(code), "")


def phrase_parity(tax: Row) -> str:
    """Phrase the joint verdict on quantisation."""
    return _PARITY[str(tax["verdict"])]
