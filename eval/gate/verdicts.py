"""A decision for readers: in one sentence, and as Markdown."""

from feedback_model.store.decision_records import Decision, Evidence

ABSENT = "\N{EN DASH}"


def phrase_verdict(decision: Decision) -> str:
    """The verdict with what decided it."""
    return f"{decision.verdict} {decision.model}: {decision.reasons[0]}"


def decision_markdown(decision: Decision) -> str:
    """The decision with what each rule found."""
    header = ["Rule", "Outcome", "Figure", "Interval", "Threshold", "Found"]
    lines = [header, ["---", "---", "---:", "---:", "---:", "---"], *(_cells(found) for found in decision.evidence)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{phrase_verdict(decision)}**\n\n{table}\n\n- {decision.reasons[-1]}\n"


def _cells(found: Evidence) -> list[str]:
    interval = f"{_show(found.ci_low)} to {_show(found.ci_high)}" if found.ci_low is not None else ABSENT
    return [
        found.rule if found.trait is None else f"{found.rule} {found.trait}",
        found.outcome,
        _show(found.figure),
        interval,
        _show(found.threshold),
        found.sentence,
    ]


def _show(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3f}"
