"""What each refusal calls for, and how long the endpoint is waited for."""

import time

import pytest

from feedback_model.errors import ConfigurationError, Interrupted, LabellerError, LabellingStopped
from feedback_model.labelling.patience import Bounds, Patience
from feedback_model.labelling.refusals import BILLING, Refusal, remedy_for, seconds_to_wait
from feedback_model.progress import request_stop

QUICK = Bounds(outage=0.1, first_contact=0.1, first_backoff=0.001, longest_backoff=0.01, longest_wait=1.0, tries=3)


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (429, "rate_limit_exceeded", "wait"),
        (429, "slow_down", "wait"),
        (503, "server_is_overloaded", "wait"),
        (429, None, "wait"),
        (500, None, "retry"),
        (502, "bad_gateway", "retry"),
        (408, None, "retry"),
        (None, "timeout", "retry"),
        (401, "invalid_api_key", "configure"),
        (404, "model_not_found", "configure"),
        (400, "context_length_exceeded", "give_up"),
        (422, None, "give_up"),
        *((429, code, "stop") for code in sorted(BILLING)),
    ],
)
def test_the_code_decides_before_the_status(status, code, remedy):
    assert remedy_for(status, code, None) == remedy


def test_a_billing_code_may_stand_in_the_type():
    assert remedy_for(429, None, "insufficient_quota") == "stop"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_from_the_headers(headers, seconds):
    assert seconds_to_wait(headers) == seconds


def answering(*refusals: Refusal):
    """A sender that fails with each of `refusals` in turn, the last one for ever; `None` is an answer."""
    queue = list(refusals)

    async def send() -> str:
        refusal = queue.pop(0) if len(queue) > 1 else queue[0]
        if refusal is None:
            return "answer"
        raise refusal

    return send


FAULT = Refusal(500, None, "a fault")
DOWN = Refusal(None, "connection", "refused")
QUOTA = Refusal(429, "insufficient_quota", "no money left")


async def test_faults_and_limits_are_outlived():
    limited = Refusal(429, "rate_limit_exceeded", "slowly", retry_after=0.05)
    began = time.monotonic()
    assert await Patience("here", QUICK).insist(answering(FAULT, DOWN, limited, None)) == "answer"
    assert time.monotonic() - began >= 0.05


async def test_an_endpoint_that_is_down_ends_the_run_in_bounded_time():
    patience = Patience("http://there", QUICK)
    with pytest.raises(LabellerError, match="cannot be reached at http://there"):
        await patience.insist(answering(DOWN))


async def test_a_request_that_alone_fails_is_set_aside_and_the_run_goes_on():
    patience = Patience("here", QUICK)
    await patience.insist(answering(None))
    with pytest.raises(Refusal):
        await patience.insist(answering(Refusal(500, None, "a fault")))
    assert await patience.insist(answering(None)) == "answer"


async def test_many_requests_that_fail_end_the_run_however_few_at_once():
    patience = Patience("here", QUICK)
    await patience.insist(answering(None))
    for _ in range(QUICK.few):
        with pytest.raises(Refusal):
            await patience.insist(answering(Refusal(500, None, "a fault")))
    with pytest.raises(LabellerError, match="keeps failing"):
        await patience.insist(answering(Refusal(500, None, "a fault")))


async def test_billing_ends_the_run_for_every_later_request():
    patience = Patience("here", QUICK)
    with pytest.raises(LabellingStopped, match="no money left"):
        await patience.insist(answering(QUOTA))
    with pytest.raises(LabellingStopped):
        await patience.insist(answering(None))


async def test_a_wrong_key_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        await Patience("here", QUICK).insist(answering(Refusal(401, "invalid_api_key", "wrong")))


async def test_too_long_a_wait_ends_the_run_with_the_seconds_asked():
    day = Refusal(429, "rate_limit_exceeded", "daily", retry_after=86400)
    with pytest.raises(LabellerError, match="86400 s"):
        await Patience("here", QUICK).insist(answering(day))


async def test_an_unanswerable_request_fails_alone_until_all_are():
    patience = Patience("here", Bounds(hopeless=2))
    unanswerable = Refusal(400, "context_length_exceeded", "too long")
    with pytest.raises(Refusal):
        await patience.insist(answering(unanswerable))
    assert await patience.insist(answering(None)) == "answer"
    with pytest.raises(Refusal):
        await patience.insist(answering(unanswerable))
    with pytest.raises(LabellerError, match="2 requests in a row"):
        await patience.insist(answering(unanswerable))


async def test_a_long_wait_can_be_interrupted():
    limited = Refusal(429, "rate_limit_exceeded", "slowly", retry_after=600)
    request_stop()
    with pytest.raises(Interrupted):
        await Patience("here", Bounds()).insist(answering(limited))


async def test_a_first_limit_after_long_idleness_is_waited_for():
    unhurried = Bounds(longest_wait=0.0, first_backoff=0.001, longest_backoff=0.001)
    limited = Refusal(429, "rate_limit_exceeded", "slowly", retry_after=0.0)
    assert await Patience("here", unhurried).insist(answering(limited, None)) == "answer"
