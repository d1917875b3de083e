"""Each wait of labelling is told: for a limit, a budget, an endpoint that refuses, and batches."""

import time
from collections.abc import Iterator

import pytest

from feedback_model.errors import LabellingStopped
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.batch_jobs import label_in_batches
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.rate_limiter import RateLimiter
from feedback_model.labelling.retries import RetryLimits, RetryPolicy
from feedback_model.waiting import Wait, telling_waits
from tests.labelling_rig import filled_store, settings_for
from tests.openai_rig.process import serving


@pytest.fixture
def told() -> Iterator[list[Wait]]:
    """Every wait, as soon as anything looks."""
    waits = list[Wait]()
    with telling_waits(waits.append, first=0.0):
        yield waits


def lines_about(waits: list[Wait], about: str) -> list[str]:
    return [str(wait) for wait in waits if about in wait.what]


async def label_all(home, url, count, how=label_missing, **options) -> None:
    settings = settings_for(home, url).model_copy(update={"label_model": "gpt-4o-mini"})
    async with open_labeller("openai", settings) as labeller:
        await how(filled_store(settings, count), labeller, labelling_config_of("openai", settings), settings, **options)


async def test_a_rate_limit_says_when_it_goes_on(told) -> None:
    limiter = RateLimiter()
    limiter.note_response({"x-ratelimit-limit-requests": "60"}, time.monotonic())
    while not (lines := lines_about(told, "the endpoint's rate limit (next request in ")):
        await limiter.wait_turn(1.0)
    assert "Ctrl-C" in lines[0]


async def test_a_budget_says_what_it_waits_for(tmp_path, told) -> None:
    with serving(delay=0.3) as url, pytest.raises(LabellingStopped):
        await label_all(tmp_path, url, 60, budget=0.01)
    (line, *_) = lines_about(told, "answers under way, whose cost decides")
    assert "--budget" in line


async def test_an_endpoint_that_refuses_is_named(told) -> None:
    refusals = [APIError(429, "slow_down", "busy", retry_after=0.3)]

    async def send() -> str:
        if refusals:
            raise refusals.pop()
        return "answer"

    assert await RetryPolicy("http://endpoint/v1", RetryLimits()).call_with_retries(send) == "answer"
    assert lines_about(told, "the endpoint http://endpoint/v1, which refuses or fails for now")


async def test_batches_say_how_much_is_under_way(tmp_path, told) -> None:
    with serving(batch_seconds=1.0) as url:
        await label_all(tmp_path, url, 3, how=label_in_batches)
    (line, *_) = lines_about(told, "batches, at most 24 h each (1 under way, with 3 requests)")
    assert "collects them later" in line
