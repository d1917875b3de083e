"""The reference project's rules: what they let through, and that no output makes them fail."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error

from benchmarks.reference_rules import judge_as_reference, measure_as_reference, repair_as_reference
from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.parsing import judge
from feedback_model.traits import TRAIT_KEYS

SEVENS = (7,) * 6
TEXT = json.dumps({key: {"score": 7, "explanation": "It is so."} for key in TRAIT_KEYS})


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("7", "7.9"),
        TEXT.replace("7", '"7"'),
        TEXT.replace('"It is so."', '""'),
        TEXT.replace("}}", "},}"),
        TEXT.removesuffix("}"),
        TEXT.replace("{", '{"more": 1, ', 1),
        f"Sure!\n```json\n{TEXT}\n```\nI hope it helps.",
        f"{{not this}} ```json {TEXT}```",
        f"My feedback: {TEXT} Well done.",
    ],
)
def test_it_takes_what_no_strict_reader_would(text: str) -> None:
    assert judge_as_reference(text.encode()) == SEVENS
    assert judge(text.encode()).tier != "strict"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        TEXT.replace("7", "0"),
        TEXT.replace("7", "Infinity"),
        TEXT.replace("7", "null"),
        TEXT.replace("7", "[]"),
        TEXT.replace('"It is so."', "8"),
        TEXT.replace("empathy", "sympathy"),
        TEXT.removesuffix("}}"),
        f"[{TEXT}]",
        '{"a": ' * 100_000,
        '"formality persuasiveness"',
    ],
)
def test_invalid_scores_are_left_out(text: str) -> None:
    """It leaves out what raises or is out of range."""
    assert judge_as_reference(text.encode()) is None


@given(st.binary() | st.text().map(str.encode) | st.from_regex(r"[{}\[\],\"` \njson:0-9]*").map(str.encode))
def test_no_output_makes_it_fail(raw: bytes) -> None:
    judge_as_reference(raw)


@given(st.lists(st.integers(1, 10), min_size=6, max_size=6))
def test_what_is_strictly_valid_it_reads_alike(scores: list[int]) -> None:
    raw = render_feedback(Feedback(tuple(TraitFeedback(score, "It is so.") for score in scores))).encode()
    assert judge_as_reference(raw) == tuple(scores)


def test_braces_in_explanations_are_counted() -> None:
    """A brace within an explanation is counted like any other."""
    assert repair_as_reference('{"a": "{",}') == '{"a": "{"}}'


def test_mse_equals_scikit_learns() -> None:
    """Its mse is scikit learns mean over traits on its subsets."""
    rng = np.random.default_rng(0)
    labels, first, second = rng.integers(1, 11, (3, 50, 6)).astype(float)
    first[:20] = np.nan
    second[15:30] = np.nan
    found = measure_as_reference(labels, {"first": first, "second": second})
    for model, said in (("first", first), ("second", second)):
        own = ~np.isnan(said[:, 0])
        for number, used in enumerate((own, ~np.isnan(first[:, 0] + second[:, 0]))):
            by_trait = [mean_squared_error(labels[used, trait], said[used, trait]) for trait in range(6)]
            assert found[model][number] == pytest.approx(np.mean(by_trait), abs=1e-12)
