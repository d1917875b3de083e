"""A task is tried again where waiting helps, and only there."""

import pytest

from feedback_model import errors
from feedback_model.waiting import Wait, telling_waits
from tasks.retries import RETRIES, retry_if_temporary

TEMPORARY = {"EndpointUnreachable", "HubUnreachable", "SourceUnreachable", "StoreUnavailable"}
OURS = sorted(name for name, kind in vars(errors).items() if isinstance(kind, type))


def state_of(error: Exception):
    from prefect.states import Failed

    return Failed(data=error)


@pytest.mark.parametrize("name", OURS)
def test_only_temporary_errors_are_tried_again(name: str) -> None:
    assert retry_if_temporary(None, None, state_of(getattr(errors, name)("found"))) is (name in TEMPORARY)


def test_another_try_is_told_where_somebody_listens() -> None:
    told = list[Wait]()
    with telling_waits(told.append):
        retry_if_temporary(None, None, state_of(errors.StoreUnavailable("the database is away")))
    assert [str(wait) for wait in told] == ["waiting for a retry, because the database is away; Ctrl-C twice stops"]


def test_other_people_s_errors_are_tried_once() -> None:
    assert not retry_if_temporary(None, None, state_of(ValueError("a bug")))


def test_retries_outlive_an_outage_of_thirty_seconds() -> None:
    shortest = 1 - RETRIES["retry_jitter_factor"]
    assert sum(RETRIES["retry_delay_seconds"](RETRIES["retries"])) * shortest > 60
