"""Whether what has landed is trained on now, and if not, why and until when it waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from feedback_model.quiet_hours import QuietHours, parse_quiet_hours
from feedback_model.records.transcripts import SPLITS, Split
from feedback_model.settings import Settings

Verdict = Literal["retrain", "wait"]
Reason = Literal["new_data", "nothing_new", "too_few_to_split", "too_few_new", "quiet_hours"]


@dataclass(frozen=True, slots=True)
class UntrainedData:
    """What has landed, and nobody has trained on or claimed."""

    batches: tuple[str, ...]
    """Oldest first."""
    n_new: int
    """Transcripts in them."""
    splits: Mapping[Split, int]
    """Transcripts that have ever landed, by split."""


@dataclass(frozen=True, slots=True)
class RetrainingRules:
    """What is wanted of data and hour before a retraining begins."""

    least_new: int
    """Transcripts."""
    quiet_hours: QuietHours | None


@dataclass(frozen=True, slots=True)
class RetrainingDecision:
    """The verdict, and its reason as a word and as a sentence."""

    verdict: Verdict
    reason: Reason
    sentence: str


def rules_of(settings: Settings) -> RetrainingRules:
    """Read what is wanted before a retraining begins."""
    return RetrainingRules(settings.retrain_least_new, parse_quiet_hours(settings.retrain_quiet_hours))


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
    if not at_once and data.n_new < rules.least_new:
        sentence = f"{data.n_new} new transcripts wait until there are {rules.least_new} (FEEDBACK_RETRAIN_LEAST_NEW)"
        return RetrainingDecision("wait", "too_few_new", sentence)
    if not at_once and rules.quiet_hours and rules.quiet_hours.include(present.time()):
        sentence = (
            f"{data.n_new} new transcripts wait until {rules.quiet_hours.end:%H:%M} UTC (FEEDBACK_RETRAIN_QUIET_HOURS)"
        )
        return RetrainingDecision("wait", "quiet_hours", sentence)
    return RetrainingDecision("retrain", "new_data", f"{data.n_new} new transcripts in {len(data.batches)} landings")


def _too_few(data: UntrainedData, empty: Sequence[str]) -> str:
    total, which = sum(data.splits.values()), " and ".join(empty)
    return (
        f"the {which} split would be empty: the {total} transcripts that have landed come from too few documents to fall into "
        "all three; they wait for others, and nothing is bought for them"
    )
