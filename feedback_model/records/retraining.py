"""Whether what has landed is trained on now, and if not, why and until when it waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from feedback_model.quiet_hours import QuietHours, parse_quiet_hours
from feedback_model.records.transcripts import SPLITS, Split
from feedback_model.settings import Settings

Verdict = Literal["retrain", "wait"]
Reason = Literal[
    "new_data", "nothing_new", "too_few_to_split", "too_few_new", "quiet_hours", "unapproved", "approved", "declined"
]
OVERRULED_AT_ONCE: Final[frozenset[Reason]] = frozenset({"too_few_new", "quiet_hours", "declined"})
"""Reasons to wait that do not hold where somebody wants it at once."""


@dataclass(frozen=True, slots=True)
class UntrainedData:
    """What has landed, and nobody has trained on or claimed."""

    batches: tuple[str, ...]
    """Oldest first."""
    n_new: int
    """Transcripts in them."""
    splits: Mapping[Split, int]
    """Transcripts that have ever landed, by split."""
    decided: Reason | None = None
    """Why it was decided on last, if nothing has landed or been claimed since."""


@dataclass(frozen=True, slots=True)
class RetrainingRules:
    """What is wanted of data and hour before a retraining begins."""

    least_new: int
    """Transcripts."""
    quiet_hours: QuietHours | None
    needs_approval: bool = False
    """True where a person is asked first."""


@dataclass(frozen=True, slots=True)
class RetrainingDecision:
    """The verdict, and its reason as a word and as a sentence."""

    verdict: Verdict
    reason: Reason
    sentence: str


def rules_of(settings: Settings) -> RetrainingRules:
    """Read what is wanted before a retraining begins."""
    hours = parse_quiet_hours(settings.retrain_quiet_hours)
    return RetrainingRules(settings.retrain_least_new, hours, settings.retrain_approval)


def decide_retraining(
    data: UntrainedData, rules: RetrainingRules, present: datetime, *, at_once: bool = False
) -> RetrainingDecision:
    """Decide whether `data` is trained on.

    Args:
        present: in UTC.
        at_once: somebody wants it, however little it is and at whatever hour.
    """
    if not data.batches:
        return RetrainingDecision("wait", "nothing_new", "nothing new to train on")
    empty = [split for split in SPLITS if not data.splits.get(split)]
    if empty:
        return RetrainingDecision("wait", "too_few_to_split", _too_few(data, empty))
    return _begin(data) if at_once else _by_rules(data, rules, present)


def answered(approved: bool, note: str) -> RetrainingDecision:
    """Return what follows from a person's answer."""
    words = f": {note.strip()}" if note.strip() else ""
    if approved:
        return RetrainingDecision("retrain", "approved", f"somebody approved it in the UI{words}")
    return RetrainingDecision("wait", "declined", f"somebody declined it in the UI{words}")


def _begin(data: UntrainedData) -> RetrainingDecision:
    return RetrainingDecision("retrain", "new_data", _new(data))


def _by_rules(data: UntrainedData, rules: RetrainingRules, present: datetime) -> RetrainingDecision:
    if data.n_new < rules.least_new:
        sentence = f"{data.n_new} new transcripts wait until there are {rules.least_new} (FEEDBACK_RETRAIN_LEAST_NEW)"
        return RetrainingDecision("wait", "too_few_new", sentence)
    if rules.quiet_hours and rules.quiet_hours.include(present.time()):
        sentence = (
            f"{data.n_new} new transcripts wait until {rules.quiet_hours.end:%H:%M} UTC (FEEDBACK_RETRAIN_QUIET_HOURS)"
        )
        return RetrainingDecision("wait", "quiet_hours", sentence)
    if not rules.needs_approval:
        return _begin(data)
    if data.decided == "approved":  # and the run that it was given to did not end well
        return RetrainingDecision("retrain", "approved", f"{_new(data)}, approved before")
    if data.decided == "declined":
        return RetrainingDecision("wait", "declined", f"{_new(data)} wait for more: somebody declined them in the UI")
    return RetrainingDecision("wait", "unapproved", f"{_new(data)} wait for somebody to approve them in the UI")


def _new(data: UntrainedData) -> str:
    n_landings = len(data.batches)
    return f"{data.n_new} new transcripts in {n_landings} landing{'s' * (n_landings > 1)}"


def _too_few(data: UntrainedData, empty: Sequence[str]) -> str:
    total, which = sum(data.splits.values()), " and ".join(empty)
    return (
        f"the {which} split would be empty: the {total} transcripts that have landed come from too few documents to fall into "
        "all three; they wait for others, and nothing is bought for them"
    )
