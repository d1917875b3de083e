"""Reading replies: whatever the bytes, an answer or a problem with a code, and the envelope's figures."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.augmentation.rewrites import read_rewrite
from feedback_model.feedback import render_feedback
from feedback_model.labelling.responses import InvalidResponse, read_envelope, read_feedback, read_stored, read_text
from tests.builders import a_feedback


def a_reply(content: str | None, finish_reason: str = "stop", refusal: str | None = None) -> bytes:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 200}}
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason}]
    return json.dumps({"id": "chatcmpl-1", "choices": choices, "usage": usage}).encode()


def test_a_good_reply_gives_its_feedback():
    feedback = a_feedback(1, 2, 3, 8, 9, 10)
    assert read_feedback(a_reply(render_feedback(feedback))) == feedback


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "no_completion"),
        (b"<html>502</html>", "no_completion"),
        (b'{"choices": []}', "no_completion"),
        (b'{"choices": [7]}', "no_completion"),
        (a_reply(None, refusal="no"), "refusal"),
        (a_reply('{"formality"', finish_reason="length"), "truncated"),
        (a_reply(None, finish_reason="content_filter"), "content_filter"),
        (a_reply(" "), "empty"),
    ],
)
def test_an_unusable_reply_says_why(body, code):
    assert read_feedback(body) == InvalidResponse(code)


def test_invalid_feedback_has_the_parsers_code():
    out_of_range = render_feedback(a_feedback()).replace('"score": 5', '"score": 11', 1)
    assert read_feedback(a_reply(out_of_range)) == InvalidResponse("score_out_of_range")


def test_the_envelope_is_read_with_its_cost():
    paid = read_envelope(a_reply("x"), "gpt-4o-mini")
    assert (paid.provider_id, paid.finish_reason) == ("chatcmpl-1", "stop")
    assert (paid.prompt_tokens, paid.cached_tokens, paid.completion_tokens) == (1000, 200, 100)
    assert paid.cost_usd == pytest.approx((800 * 0.15 + 200 * 0.075 + 100 * 0.60) / 1e6)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["choices", "usage", "message", "content", "id", "prompt_tokens_details"]), x
)).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_bytes_break_the_reader(body):
    assert read_envelope(body, "gpt-4o-mini").body == body
    assert isinstance(read_text(body), str | InvalidResponse)
    assert isinstance(read_feedback(body), InvalidResponse)


def test_a_rewrite_is_cleaned_and_long_enough():
    words = " ".join(["word"] * 25)
    assert read_rewrite(a_reply(f"Transcript:\n{words}\x00")) == words
    assert read_rewrite(a_reply("Too short.")) == InvalidResponse("too_short")


def test_stored_completions_are_matched_by_metadata() -> None:
    page = b'{"data": [{"id": "a", "metadata": {"send": "1"}}, 7, {"id": "b", "metadata": {"send": "2"}}, {"id": "c"}]}'
    assert orjson.loads(read_stored(page, "send", "2") or b"{}")["id"] == "b"
    assert read_stored(page, "send", "3") is None
    assert read_stored(b"{}", "send", "1") is None
