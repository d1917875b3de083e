"""Sentences on what each rule found, with the figures."""

from dataclasses import dataclass

from eval.intervals import Interval
from feedback_model.records.promotion import Decision, Evidence, Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """Figure against its threshold."""

    outcome: Outcome
    figure: float | None
    interval: Interval | None
    """None with fewer than two documents."""
    threshold: float
    confidence: float
    """Of the interval, 0 to 1."""
    n_used: int
    """Transcripts."""


def phrase_difference(epoch: str, other: str, found: Finding) -> str:
    """Phrase the difference in penalised MSE between the epoch and another model."""
    if found.figure is None or found.interval is None:
        return f"{epoch} could not be compared with {other}: {_too_few(found)}."
    outcome = {
        "pass": f"{epoch} has a smaller penalised MSE than {other}",
        "fail": f"{epoch} does not have a smaller penalised MSE than {other}",
        "unknown": f"It cannot be told whether {epoch} has a smaller penalised MSE than {other}",
    }[found.outcome]
    return f"{outcome}: over {found.n_used} validation transcripts the difference is {_difference(found)}."


def phrase_trait(trait: str, epoch: str, other: str, found: Finding) -> str:
    """Phrase the difference between the epoch and the incumbent on one trait."""
    if found.figure is None or found.interval is None:
        return f"On {trait.lower()} {epoch} could not be compared with {other}: {_too_few(found)}."
    outcome = {
        "pass": f"{epoch} is not worse than {other} by {found.threshold:.2f}",
        "fail": f"{epoch} is worse than {other} by {found.threshold:.2f} or more",
        "unknown": f"it cannot be told whether {epoch} is worse than {other} by {found.threshold:.2f} or more",
    }[found.outcome]
    return f"On {trait.lower()} {outcome}: the difference in penalised MSE is {_difference(found)}."


def phrase_share(epoch: str, valid: int, found: Finding) -> str:
    """Phrase how many outputs are strictly valid, and the share that this shows."""
    if found.interval is None:
        return f"{epoch} has no outputs, so the share of valid ones is not known."
    low, high = found.interval
    outcome = {
        "pass": f"which shows at least the {found.threshold:.0%} required",
        "fail": f"which shows less than the {found.threshold:.0%} required",
        "unknown": f"too few to tell whether it reaches the {found.threshold:.0%} required",
    }[found.outcome]
    return (
        f"{valid} of {found.n_used} outputs of {epoch} are strictly valid, {outcome} "
        f"({_percent(found.confidence)} interval {100 * low:.1f}% to {100 * high:.1f}%)."
    )


def _too_few(found: Finding) -> str:
    return f"{found.n_used} validation transcripts of fewer than two documents leave no spread to judge by"


def _difference(found: Finding) -> str:
    low, high = found.interval or (0.0, 0.0)
    return f"{found.figure:+.2f} ({_percent(found.confidence)} interval {low:+.2f} to {high:+.2f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%".replace(".0%", "%")


def phrase_verdict(decision: Decision) -> str:
    """Phrase the verdict with the reason that decided it."""
    return f"{decision.verdict} {decision.model}: {decision.reasons[0]}"


def decision_markdown(decision: Decision) -> str:
    """Render the decision with what each rule found, as Markdown; the view `decision_evidence` has the figures by themselves."""
    header = ["Rule", "Outcome", "Found"]
    lines = [header, ["---"] * len(header), *(_cells(found) for found in decision.evidence)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{phrase_verdict(decision)}**\n\n{table}\n\n- {decision.reasons[-1]}\n"


def _cells(found: Evidence) -> list[str]:
    rule = found.rule if found.trait is None else f"{found.rule} {found.trait}"
    return [rule.replace("_", " "), found.outcome, found.sentence]
