"""What each refusal calls for, and how long the endpoint is waited for."""

import asyncio
import time
from dataclasses import replace

import pytest

from feedback_model.errors import ConfigurationError, Interrupted, LabellerError, LabellingStopped
from feedback_model.labelling.api_errors import (
    BILLING,
    LONGEST_MESSAGE,
    APIError,
    action_for,
    error_within,
    seconds_to_wait,
)
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
        (401, None, "suspect"),
        (403, "403", "suspect"),
        (404, None, "suspect"),
        (402, None, "stop"),
        (413, "rate_limit_exceeded", "give_up"),
        (400, "context_length_exceeded", "give_up"),
        (422, None, "give_up"),
        *((429, code, "stop") for code in sorted(BILLING)),
    ],
)
def test_the_code_decides_before_the_status(status, code, action):
    assert action_for(status, code, None) == action


def test_a_billing_code_may_stand_in_the_type():
    assert action_for(429, None, "insufficient_quota") == "stop"


def test_a_request_above_the_limit_never_passes():
    assert action_for(429, "rate_limit_exceeded", "tokens", "Request too large for gpt-4o on TPM: Limit 1") == "give_up"


def test_words_of_an_endpoint_are_one_short_line():
    error = APIError(403, "403", "flagged:\n  Bearer abc123def " + "x" * 999)
    assert error.message.startswith("flagged: Bearer *** xxx")
    assert len(error.message) == LONGEST_MESSAGE
    assert error.code == "http_403"


@pytest.mark.parametrize(
    ("body", "status", "action"),
    [
        (b'{"error": {"message": "behind", "code": 429}}', 429, "wait"),
        (b'{"error": {"message": "behind", "code": "402"}, "choices": []}', 402, "stop"),
        (b'{"error": {"message": "behind", "code": "server_error"}}', 502, "retry"),
        (b'{"error": "behind"}', 502, "retry"),
    ],
)
def test_an_error_under_200_is_an_error(body, status, action):
    error = error_within(body)
    assert error is not None
    assert (error.status, error.action, error.message, error.may_be_billed) == (status, action, "behind", False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": null, "choices": [{}]}',
        b'{"error": {"message": "late"}, "choices": [{}]}',
        b'{"error": {"message": "charged"}, "usage": {"prompt_tokens": 9}}',
        b'["error"]',
        b'{"error"',
    ],
)
def test_answers_and_charged_errors_are_kept(body):
    assert error_within(body) is None


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


FLAGGED = APIError(403, None, "flagged")


async def test_a_refused_request_fails_alone_among_answers():
    retries = RetryPolicy("here", QUICK)
    for _ in range(QUICK.suspects):
        await retries.call_with_retries(answering(None))
        with pytest.raises(APIError):
            await retries.call_with_retries(answering(FLAGGED))


async def test_several_refused_in_a_row_end_the_run():
    retries = RetryPolicy("here", replace(QUICK, suspects=2))
    await retries.call_with_retries(answering(None))
    with pytest.raises(APIError):
        await retries.call_with_retries(answering(FLAGGED))
    with pytest.raises(ConfigurationError, match="refused 2 requests in a row"):
        await retries.call_with_retries(answering(FLAGGED))


async def test_refusals_that_overtake_answers_end_no_run():
    retries, refused = RetryPolicy("here", replace(QUICK, suspects=2)), asyncio.Event()
    retries.model_is_listed = True

    async def answer_late() -> str:
        await refused.wait()
        return "answer"

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(retries.call_with_retries(answer_late))
            await asyncio.sleep(0)
            with pytest.raises(APIError):
                await retries.call_with_retries(answering(FLAGGED))
        refused.set()


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_first_request_refused_ends_the_run(status):
    retries = RetryPolicy("here", QUICK)
    await retries.call_with_retries(answering(None), open_to_all=True)
    with pytest.raises(ConfigurationError, match="refuses key, model or path"):
        await retries.call_with_retries(answering(APIError(status, None, "no")))


async def test_a_listed_model_shows_the_path_alone():
    retries = RetryPolicy("here", QUICK)
    retries.model_is_listed = True
    with pytest.raises(APIError):
        await retries.call_with_retries(answering(FLAGGED))
    with pytest.raises(ConfigurationError):
        await retries.call_with_retries(answering(APIError(401, None, "no key")))


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
