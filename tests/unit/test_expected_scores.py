"""The mean of a score's distribution: right where the tokens tell it, absent where they do not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.labelling.responses import expected_scores
from tests.openai_rig.completions import CANNED, token_logprobs


def entry(token: str, likely: dict[str, float] | None = None) -> dict:
    top = [{"token": each, "logprob": math.log(share)} for each, share in (likely or {token: 1.0}).items()]
    return {"token": token, "logprob": top[0]["logprob"], "top_logprobs": top}


def reply(score: dict) -> list[dict]:
    return [each for _ in range(6) for each in (entry('{"score": '), score, entry(', "explanation": "7 of 10"}'))]


def test_it_is_the_mean_over_likely_scores() -> None:
    found = expected_scores(reply(entry("7", {"7": 0.5, "8": 0.3, "10": 0.1, "eleven": 0.1})))
    assert found == pytest.approx([(7 * 0.5 + 8 * 0.3 + 10 * 0.1) / 0.9] * 6)


def test_it_lies_near_the_demo_labellers_score() -> None:
    found = expected_scores(token_logprobs(CANNED, 10, seed=1))
    assert found is not None
    assert all(abs(mean - 6) < 0.5 for mean in found)


@pytest.mark.parametrize(
    "tokens",
    [[], reply(entry("7"))[:-3], [{"nothing": 1}], reply(entry("70")), [entry('{"score": 7}')] * 6],
    ids=["none", "five", "other", "out of range", "in one token"],
)
def test_what_does_not_tell_all_six_tells_nothing(tokens: list[dict]) -> None:
    assert expected_scores(tokens) is None


@given(st.lists(st.dictionaries(st.text(), st.text() | st.floats() | st.none())))
def test_no_tokens_make_it_fail(tokens: list[dict]) -> None:
    expected_scores(tokens)
