"""What the judge of outputs promises: nothing passes that should not, nothing crashes, and the reason is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.parsing import FailureCode, judge
from feedback_model.parsing.json_scanner import scan
from feedback_model.traits import TRAIT_KEYS

explanations = st.text(min_size=1).filter(str.strip)
feedbacks = st.tuples(*[st.builds(TraitFeedback, st.integers(1, 10), explanations)] * 6).map(Feedback)
FEEDBACK = Feedback(tuple(TraitFeedback(score, f"because é {score}") for score in (1, 3, 5, 7, 9, 10)))
RENDERED = render_feedback(FEEDBACK).encode()


def changed(old: bytes, new: bytes) -> bytes:
    assert old in RENDERED
    return RENDERED.replace(old, new, 1)


@given(feedbacks)
def test_rendered_feedback_reads_back_equal(feedback):
    """What is rendered is strict and reads back equal."""
    judgement = judge(render_feedback(feedback).encode())
    assert (judgement.tier, judgement.feedback, judgement.failure) == ("strict", feedback, None)


@given(feedbacks, st.integers(0, 10_000))
def test_every_cut_is_truncated_or_unterminated(feedback, cut):
    raw = render_feedback(feedback).encode()
    text = raw[: cut % len(raw)].decode("utf-8", "ignore").encode()
    assert judge(text, "length").failure.code in ("empty", "truncated")
    assert judge(text, "stop").failure.code in ("empty", "unterminated")


@given(st.binary(max_size=300))
def test_any_bytes_get_a_tier_and_a_reason(raw):
    judgement = judge(raw)
    assert (judgement.failure is None) == (judgement.tier == "strict")
    assert (judgement.feedback is None) == (judgement.tier == "none")
    assert judgement.failure is None or 0 <= judgement.failure.offset <= len(raw)


@given(st.integers(0, len(RENDERED) - 1), st.binary(max_size=3))
def test_damaged_output_never_gains_a_tier(at, noise):
    """A damaged output is never worth more than its text."""
    raw = RENDERED[:at] + noise + RENDERED[at + 1 :]
    judgement = judge(raw)
    if judgement.tier == "strict":
        assert scan(raw, 0).duplicate is None


@pytest.mark.parametrize(
    ("raw", "tier", "code"),
    [
        (b"", "none", "empty"),
        (b" \n\t", "none", "empty"),
        (b"\xff" + RENDERED, "none", "not_utf8"),
        (b"```json\n" + RENDERED + b"\n```", "extractable", "fenced"),
        (b"Here you are: " + RENDERED, "extractable", "prose_before"),
        (b"3 things: " + RENDERED, "extractable", "prose_before"),
        (b"I cannot do that", "none", "no_json"),
        (RENDERED[:-1], "repairable", "unterminated"),
        (changed(b"because", b"be\ncause"), "repairable", "control_character"),
        (changed(b"because", rb"be\qcause"), "repairable", "bad_escape"),
        (changed(b'1, "exp', b'1 "exp'), "repairable", "missing_comma"),
        (RENDERED[:-1] + b",}", "repairable", "trailing_comma"),
        (RENDERED.replace(b'"', b"'"), "repairable", "single_quotes"),
        (changed(b": 1,", b": NaN,"), "none", "not_a_number"),
        (b"[" * 100_000, "none", "too_deep"),
        (changed(b"{", b"{;"), "repairable", "syntax"),
        (RENDERED + b"\nHope that helps", "extractable", "prose_after"),
        (changed(b'"score": 1,', b'"score": 1, "score": 2,'), "repairable", "duplicate_key"),
        (b"[" + RENDERED + b"]", "none", "not_object"),
        (b"7", "none", "not_object"),
        (changed(b'"formality"', b'"formalism"'), "none", "missing_trait"),
        (changed(b"{", b'{"overall": 5, '), "none", "extra_key"),
        (changed(b'{"score": 1, "explanation": "because \xc3\xa9 1"}', b"1"), "none", "trait_not_object"),
        (changed(b'"score"', b'"mark"'), "none", "score_missing"),
        (changed(b": 1,", b': "1",'), "none", "score_not_number"),
        (changed(b": 1,", b": true,"), "none", "score_not_number"),
        (changed(b": 1,", b": 1.0,"), "none", "score_not_integer"),
        (changed(b": 1,", b": 1e0,"), "none", "score_not_integer"),
        (changed(b": 1,", b": 0,"), "none", "score_out_of_range"),
        (changed(b": 1,", b": " + b"1" * 100_000 + b","), "none", "score_out_of_range"),
        (changed(b'"explanation"', b'"reason"'), "none", "explanation_missing"),
        (changed(b'"because \xc3\xa9 1"', b"null"), "none", "explanation_not_text"),
        (changed(b"because \xc3\xa9 1", b" "), "none", "explanation_empty"),
    ],
)
def test_the_first_failure_names_the_output(raw, tier, code):
    judgement = judge(raw)
    assert judgement.failure is not None
    assert (judgement.tier, judgement.failure.code) == (tier, code)


def test_a_failure_is_located_by_byte_and_pointer():
    raw = changed(b'9, "explanation": "because \xc3\xa9 9"', b'99, "explanation": "because \xc3\xa9 9"')
    failure = judge(raw).failure
    assert failure.pointer == f"/{TRAIT_KEYS[4]}/score"
    assert raw[failure.offset :].startswith(b"99,")


def test_missing_end_token_is_not_strict():
    """An object without its end token is not strict."""
    judgement = judge(RENDERED, "length")
    assert (judgement.tier, judgement.failure.code) == ("extractable", FailureCode.NO_END_TOKEN)


def test_traits_may_stand_in_any_order():
    """Traits in another order are strict and read by name."""
    inside = RENDERED.decode()[1:-1].split("}, ")
    turned = "{" + "}, ".join([inside[-1].removesuffix("}"), *inside[:-1]]) + "}}"
    assert judge(turned.encode()).feedback == FEEDBACK


def test_a_hidden_duplicate_key_does_not_pass():
    raw = changed(b'"score": 1,', rb'"score": 1, "s\u0063ore": 2,')
    assert judge(raw).failure.code == "duplicate_key"


def test_extraction_from_broken_json_is_an_edit():
    """Taking an object out of broken json is an edit."""
    assert judge(b"{" + RENDERED + b"}").tier != "extractable"
    assert judge(RENDERED + b'\n{"note": 1}').tier != "extractable"


def test_two_answers_are_not_one():
    assert judge(RENDERED + RENDERED).failure.code == "several_values"
    assert judge(b"Either " + RENDERED + b" or " + RENDERED).tier != "extractable"


@pytest.mark.timeout(120)  # seconds; each read to the end, they took minutes
def test_false_beginnings_are_not_read_through():
    """Many beginnings that come to nothing are not each read to the end."""
    assert judge(b"Here: " + b'{"a":[' * 40 + b"1," * 500_000).failure.code == "prose_before"


def test_unfinished_search_extracts_nothing():
    """One object is not the only one where not everything could be searched."""
    assert judge(b"Here: " + RENDERED + b" [" * 40 + RENDERED).tier != "extractable"
    assert judge(b"Here: " + RENDERED + b" [x]" * 100).tier != "extractable"


@pytest.mark.parametrize("raw", [b'{"a":' * 200_000, b'{"x":[0,' * 100_000, b"\x00" * 3_000_000, b'{"' * 500_000])
def test_megabytes_of_nonsense_are_judged_in_a_moment(raw):
    assert judge(raw).tier == "none"


@pytest.mark.timeout(120)  # seconds; the repair library alone takes minutes for these
@pytest.mark.parametrize(
    "raw", [b"[" + b'."' * 30_000, b' {"a":' + rb"\}tru" * 12_000, b'{"' + b",\xe2\x80\x9c: : : :" * 5_000]
)
def test_costly_repairs_are_not_tried(raw):
    """What would take minutes to repair is not repaired."""
    assert judge(raw).tier == "none"


def test_a_repaired_surrogate_can_be_written():
    judgement = judge(changed(b"because", rb"\ud800"))
    assert judgement.failure.code == "bad_escape"
    assert judgement.feedback is None or render_feedback(judgement.feedback).encode()
