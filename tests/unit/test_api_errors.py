"""What each refusal calls for, and how long the endpoint is waited for."""

import time
from dataclasses import replace

import pytest

from feedback_model.errors import ConfigurationError, Interrupted, LabellerError, LabellingStopped
from feedback_model.labelling.api_errors import BILLING, APIError, action_for, seconds_to_wait
from feedback_model.labelling.retries import RetryLimits, RetryPolicy
from feedback_model.progress import request_stop

QUICK = RetryLimits(
    outage=0.1, first_contact=0.1, first_backoff=0.001, longest_backoff=0.01, longest_wait=1.0, attempts=3
)


@pytest.mark.parametrize(
    ("status", "code", "action"),
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
def test_the_code_decides_before_the_status(status, code, action):
    assert action_for(status, code, None) == action


def test_a_billing_code_may_stand_in_the_type():
    assert action_for(429, None, "insufficient_quota") == "stop"


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


def answering(*refusals: APIError):
    """A sender that fails with each of `refusals` in turn, the last one for ever; `None` is an answer."""
    queue = list(refusals)

    async def send() -> str:
        refusal = queue.pop(0) if len(queue) > 1 else queue[0]
        if refusal is None:
            return "answer"
        raise refusal

    return send


FAULT = APIError(500, None, "a fault")
DOWN = APIError(None, "connection", "refused")
QUOTA = APIError(429, "insufficient_quota", "no money left")


async def test_faults_and_limits_are_outlived():
    limited = APIError(429, "rate_limit_exceeded", "slowly", retry_after=0.05)
    unhurried = replace(QUICK, outage=600.0, first_contact=600.0)
    began = time.monotonic()
    assert await RetryPolicy("here", unhurried).call_with_retries(answering(FAULT, DOWN, limited, None)) == "answer"
    assert time.monotonic() - began >= 0.05  # at least: a busy machine takes longer


async def test_an_endpoint_that_is_down_ends_the_run():
    retries = RetryPolicy("http://there", QUICK)
    with pytest.raises(LabellerError, match="cannot be reached at http://there"):
        await retries.call_with_retries(answering(DOWN))


async def test_a_request_that_fails_alone_is_set_aside():
    retries = RetryPolicy("here", QUICK)
    await retries.call_with_retries(answering(None))
    with pytest.raises(APIError):
        await retries.call_with_retries(answering(APIError(500, None, "a fault")))
    assert await retries.call_with_retries(answering(None)) == "answer"


async def test_many_failing_requests_end_the_run():
    retries = RetryPolicy("here", QUICK)
    await retries.call_with_retries(answering(None))
    for _ in range(QUICK.few):
        with pytest.raises(APIError):
            await retries.call_with_retries(answering(APIError(500, None, "a fault")))
    with pytest.raises(LabellerError, match="keeps failing"):
        await retries.call_with_retries(answering(APIError(500, None, "a fault")))


async def test_billing_ends_the_run_for_every_later_request():
    retries = RetryPolicy("here", QUICK)
    with pytest.raises(LabellingStopped, match="no money left"):
        await retries.call_with_retries(answering(QUOTA))
    with pytest.raises(LabellingStopped):
        await retries.call_with_retries(answering(None))


async def test_a_wrong_key_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        await RetryPolicy("here", QUICK).call_with_retries(answering(APIError(401, "invalid_api_key", "wrong")))


async def test_too_long_a_wait_ends_the_run():
    day = APIError(429, "rate_limit_exceeded", "daily", retry_after=86400)
    with pytest.raises(LabellerError, match="86400 s"):
        await RetryPolicy("here", QUICK).call_with_retries(answering(day))


async def test_an_unanswerable_request_fails_alone_until_all_are():
    retries = RetryPolicy("here", RetryLimits(hopeless=2))
    unanswerable = APIError(400, "context_length_exceeded", "too long")
    with pytest.raises(APIError):
        await retries.call_with_retries(answering(unanswerable))
    assert await retries.call_with_retries(answering(None)) == "answer"
    with pytest.raises(APIError):
        await retries.call_with_retries(answering(unanswerable))
    with pytest.raises(LabellerError, match="2 requests in a row"):
        await retries.call_with_retries(answering(unanswerable))


async def test_a_long_wait_can_be_interrupted():
    limited = APIError(429, "rate_limit_exceeded", "slowly", retry_after=600)
    request_stop()
    with pytest.raises(Interrupted):
        await RetryPolicy("here", RetryLimits()).call_with_retries(answering(limited))


async def test_a_limit_after_long_idleness_is_waited_for():
    unhurried = RetryLimits(longest_wait=0.0, first_backoff=0.001, longest_backoff=0.001)
    limited = APIError(429, "rate_limit_exceeded", "slowly", retry_after=0.0)
    assert await RetryPolicy("here", unhurried).call_with_retries(answering(limited, None)) == "answer"
