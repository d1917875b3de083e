"""Whether what has landed is trained on now."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.quiet_hours import QuietHours, parse_quiet_hours
from feedback_model.records.retraining import (
    RetrainingDecision,
    RetrainingRules,
    UntrainedData,
    answered,
    decide_retraining,
)

ALL = {"train": 8, "validation": 1, "test": 1}
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def data(n_new: int, **splits: int) -> UntrainedData:
    return UntrainedData(("b1",) if n_new else (), n_new, splits or ALL)


def reason(found: UntrainedData, least: int = 1, quiet: str = "", *, at_once: bool = False) -> str:
    return decide_retraining(found, RetrainingRules(least, parse_quiet_hours(quiet)), NOON, at_once=at_once).reason


def test_new_data_is_trained_on() -> None:
    assert reason(data(3), least=3, quiet="13:00-12:00") == "new_data"


def test_too_little_waits_unless_somebody_wants_it() -> None:
    assert reason(data(2), least=3) == "too_few_new"
    assert reason(data(2), least=3, at_once=True) == "new_data"
    assert reason(data(0), at_once=True) == "nothing_new"


def test_quiet_hours_are_kept_unless_somebody_wants_it() -> None:
    decision = decide_retraining(data(2), RetrainingRules(1, parse_quiet_hours("08:00-18:30")), NOON)
    assert (decision.verdict, decision.reason) == ("wait", "quiet_hours")
    assert "until 18:30 UTC" in decision.sentence
    assert reason(data(2), quiet="08:00-18:30", at_once=True) == "new_data"


def test_an_empty_split_cannot_be_wished_away() -> None:
    decision = decide_retraining(data(20, train=19, validation=1), RetrainingRules(1, None), NOON, at_once=True)
    assert decision.reason == "too_few_to_split"
    assert decision.sentence.startswith("the test split would be empty: the 20 transcripts")


def test_person_is_asked_unless_somebody_wants_it() -> None:
    rules = RetrainingRules(1, None, needs_approval=True)
    assert decide_retraining(data(2), rules, NOON).reason == "unapproved"
    assert decide_retraining(data(2), rules, NOON, at_once=True).reason == "new_data"
    assert decide_retraining(data(0), rules, NOON).reason == "nothing_new"


def test_nobody_is_asked_twice_about_the_same() -> None:
    rules = RetrainingRules(1, None, needs_approval=True)
    assert decide_retraining(replace(data(2), decided="approved"), rules, NOON).verdict == "retrain"
    assert decide_retraining(replace(data(2), decided="declined"), rules, NOON).verdict == "wait"
    assert decide_retraining(replace(data(2), decided="declined"), RetrainingRules(1, None), NOON).reason == "new_data"


def test_answer_keeps_what_was_noted() -> None:
    assert answered(True, " go ") == RetrainingDecision("retrain", "approved", "somebody approved it in the UI: go")
    assert answered(False, "").sentence == "somebody declined it in the UI"


times = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@given(times, times, st.times())
def test_hours_and_their_complement_share_the_day(start: time, end: time, moment: time) -> None:
    if start != end:
        assert QuietHours(start, end).include(moment) != QuietHours(end, start).include(moment)


@given(times, times)
def test_hours_are_read_as_they_are_written(start: time, end: time) -> None:
    if start != end:
        assert parse_quiet_hours(f" {start:%H:%M} - {end:%H:%M}") == QuietHours(start, end)


@pytest.mark.parametrize("text", ["8-18", "08:00", "25:00-26:00", "08:00-08:00", "08:60-09:00", "night"])
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write them as 08:00-18:30, in UTC"):
        parse_quiet_hours(text)
