"""Reading replies: whatever the bytes, an answer or a problem with a code, and the envelope's figures."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.augmentation.rewrites import read_rewrite
from feedback_model.feedback import MEMBERS, render_feedback
from feedback_model.labelling.pricing import price_of
from feedback_model.labelling.responses import (
    InvalidResponse,
    complaint_about,
    read_envelope,
    read_label,
    read_stored,
    read_text,
)
from feedback_model.records.labels import Label
from tests.builders import a_feedback, an_answer


def a_reply(content: str | None, finish_reason: str = "stop", refusal: str | None = None) -> bytes:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 200}}
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason}]
    return json.dumps({"id": "chatcmpl-1", "choices": choices, "usage": usage}).encode()


@pytest.mark.parametrize("order", MEMBERS)
def test_a_good_reply_gives_its_label(order):
    """Feedback and evidence are read in either order."""
    answer = an_answer(1, 2, 3, 8, 9, 10, evidence='so "it" goes', order=order)
    assert read_label(a_reply(answer)) == Label(a_feedback(1, 2, 3, 8, 9, 10), ('so "it" goes',) * 6, None)


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
    assert read_label(body) == InvalidResponse(code)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"score": 5', '"score": 11', "score_out_of_range"),
        ('"score": 5', '"score": 5, "score": 6', "duplicate_key"),
        ('"evidence": "", ', "", "evidence_missing"),
        ('"evidence": ""', '"evidence": null', "evidence_not_text"),
        ('"evidence"', '"quote"', "extra_key"),
        ('{"score": 5, "evidence": "", "explanation": "It deserves a 5."}', "5", "trait_not_object"),
        ("{", "Here you are: {", "prose_before"),
    ],
)
def test_an_invalid_answer_has_the_parsers_code(old, new, code):
    assert read_label(a_reply(an_answer().replace(old, new, 1))) == InvalidResponse(code)
    assert "last answer could not be used" in complaint_about(code)


def test_feedback_without_evidence_is_no_label():
    assert read_label(a_reply(render_feedback(a_feedback()))) == InvalidResponse("evidence_missing")


def test_the_envelope_is_read_with_its_cost():
    paid = read_envelope(a_reply("x"), price_of("gpt-4o-mini"))
    assert (paid.provider_id, paid.finish_reason) == ("chatcmpl-1", "stop")
    assert (paid.prompt_tokens, paid.cached_tokens, paid.completion_tokens) == (1000, 200, 100)
    assert paid.cost_usd == pytest.approx((800 * 0.15 + 200 * 0.075 + 100 * 0.60) / 1e6)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["choices", "usage", "message", "content", "id", "prompt_tokens_details"]), x
)).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_bytes_break_the_reader(body):
    assert read_envelope(body, price_of("gpt-4o-mini")).body == body
    assert isinstance(read_text(body), str | InvalidResponse)
    assert isinstance(read_label(body), InvalidResponse)


def test_a_rewrite_is_cleaned_and_long_enough():
    words = " ".join(["word"] * 25)
    assert read_rewrite(a_reply(f"<transcript>\n{words}\x00\n</transcript>")) == words
    assert read_rewrite(a_reply("Too short.")) == InvalidResponse("too_short")


def test_stored_completions_are_matched_by_metadata() -> None:
    page = b'{"data": [{"id": "a", "metadata": {"send": "1"}}, 7, {"id": "b", "metadata": {"send": "2"}}, {"id": "c"}]}'
    assert orjson.loads(read_stored(page, "send", "2") or b"{}")["id"] == "b"
    assert read_stored(page, "send", "3") is None
    assert read_stored(b"{}", "send", "1") is None
