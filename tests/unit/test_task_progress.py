"""A stage is told of when it has moved, not at every step."""

from feedback_model.progress import Progress
from tasks.progress import StageProgress


def a_stage(total: int | None = 100) -> StageProgress:
    return StageProgress(Progress("label", 0, total), logged_at=0.0)


def test_a_tenth_is_logged_once() -> None:
    stage = a_stage()
    stage.observe(Progress("label", 9, 100), now=1.0)
    assert not stage.is_due_in_log(1.0)
    stage.observe(Progress("label", 10, 100), now=2.0)
    assert stage.is_due_in_log(2.0)
    stage.logged_tenth = stage.tenth
    stage.observe(Progress("label", 19, 100), now=3.0)
    assert not stage.is_due_in_log(3.0)


def test_a_silent_minute_is_ended_in_the_log() -> None:
    stage = a_stage(total=None)
    stage.observe(Progress("label", 1, None), now=59.0)
    assert not stage.is_due_in_log(59.0)
    assert stage.is_due_in_log(60.0)


def test_an_artifact_is_written_every_few_seconds() -> None:
    stage = a_stage()
    assert stage.is_due_as_artifact(1.0)
    stage.artifact_at = 1.0
    assert not stage.is_due_as_artifact(5.9)
    assert stage.is_due_as_artifact(6.0)
    assert not a_stage(total=None).is_due_as_artifact(6.0)


def test_rate_is_that_of_the_last_minute() -> None:
    """Rate and time left are those of the last minute."""
    stage = a_stage(total=1_000)
    for now, done in ((0.0, 0), (100.0, 100), (110.0, 200)):
        stage.observe(Progress("label", done, 1_000, "0.50 USD"), now)
    assert stage.describe() == "label: 200 of 1,000 (20%), 10.0/s, 80 s left, 0.50 USD"


def test_a_stage_that_begins_anew_forgets_its_pace() -> None:
    stage = a_stage()
    stage.observe(Progress("label", 100, 100), now=1.0)
    stage.observe(Progress("label", 0, 5), now=2.0)
    assert stage.describe() == "label: 0 of 5 (0%)"


def test_what_took_no_time_is_not_told() -> None:
    """Each epoch of a small training is asked and judged within a second."""
    stage = StageProgress(Progress("judge epoch-1", 5, 5), logged_at=0.0)
    stage.observe(Progress("judge epoch-1", 5, 5), now=1.0)
    assert not stage.is_due_in_log(100.0)
    assert not stage.is_due_as_artifact(1.0)
