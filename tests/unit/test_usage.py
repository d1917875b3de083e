"""Usage as it is booked: whatever an endpoint tells, nothing that cannot be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.labelling.envelopes import EnvelopeReader
from feedback_model.labelling.pricing import Usage, price_of
from feedback_model.labelling.requests import TokenEstimator
from feedback_model.labelling.responses import read_envelope, usage_of
from feedback_model.labelling.usage import MOST_TOKENS
from feedback_model.records.labels import LabelRequest

NUMBERS = st.none() | st.integers() | st.floats() | st.booleans() | st.text() | st.lists(st.integers())
KEYS = ["prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens"]
ANYTHING = st.recursive(NUMBERS, lambda inner: st.dictionaries(st.sampled_from(KEYS), inner))


def a_response(usage: object, content: str | None = "x") -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}], "usage": usage}).encode()


def usage_told(prompt: object, cached: object, completion: object) -> dict[str, object]:
    details = {"cached_tokens": cached}
    return {"prompt_tokens": prompt, "prompt_tokens_details": details, "completion_tokens": completion}


@given(ANYTHING | st.builds(usage_told, NUMBERS, NUMBERS, NUMBERS), st.none() | st.text())
def test_no_usage_gives_an_impossible_booking(usage, content):
    paid = read_envelope(a_response(usage, content), price_of("gpt-4o-mini"))
    for tokens in (paid.prompt_tokens, paid.cached_tokens, paid.completion_tokens):
        assert tokens is None or 0 <= tokens <= MOST_TOKENS
    assert (paid.cached_tokens or 0) <= (paid.prompt_tokens or 0)
    assert paid.cost_usd is None or paid.cost_usd >= 0
    assert len(paid.doubt) < 400


@pytest.mark.parametrize(
    ("told", "booked"),
    [
        ((-5, 0, 7), (None, None, 7)),
        ((10, -1, 7), (10, None, 7)),
        ((10, 11, 7), (10, 10, 7)),
        ((10**19, 0, 7), (None, None, 7)),
        ((10, 0, MOST_TOKENS + 1), (10, 0, None)),
        ((12.5, 0, "7"), (None, None, None)),
        ((0, 0, 0), (None, None, None)),
    ],
)
def test_usage_that_cannot_be_is_corrected(told, booked):
    paid = read_envelope(a_response(usage_told(*told)), price_of("gpt-4o-mini"))
    assert usage_of(paid) == Usage(*booked)
    assert paid.doubt


def test_usage_that_can_be_stays():
    paid = read_envelope(a_response(usage_told(10, 3, 7)), None)
    assert (usage_of(paid), paid.doubt) == (Usage(10, 3, 7), "")


def test_without_an_answer_nothing_may_be_used():
    paid = read_envelope(a_response(usage_told(0, 0, 0), None), price_of("gpt-4o-mini"))
    assert (usage_of(paid), paid.cost_usd, paid.doubt) == (Usage(0, 0, 0), 0.0, "")


def test_a_doubt_is_told_once_as_it_was(caplog):
    reader = EnvelopeReader()
    for _ in range(3):
        reader.read(a_response(usage_told(-5, 0, "x" * 1_000)), "gpt-4o-mini")
    (record,) = caplog.records
    assert "prompt_tokens -5, cached_tokens 0" in record.message
    assert len(record.message) < 500


def test_one_huge_count_does_not_slow_the_rest():
    estimator = TokenEstimator(900)
    request = LabelRequest("r", "label", "t", "um hello", "gpt-4o-mini", "label-1", 0, None, None, 0)
    prepared = estimator.prepare(request)
    estimator.learn(prepared, Usage(MOST_TOKENS, 0, MOST_TOKENS))
    assert estimator.prepare(request).prompt_tokens <= prepared.n_bytes
