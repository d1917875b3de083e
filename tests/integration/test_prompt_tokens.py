"""Prompts counted by the tokenizer of the base model: long enough to be cached by the endpoint, short enough for the student."""

from typing import Any

import pytest

from feedback_model.feedback import DEFAULT_ORDER, render_answer
from feedback_model.labelling.requests import USUAL_OUTPUT
from feedback_model.prompts import prompt_text, render_system
from feedback_model.rubric import read_examples
from feedback_model.settings import default_setting
from tests.real_tokenizers import real_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return real_tokenizer("qwen2_5")


def count(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_static_parts_are_long_enough_to_cache(tokenizer: Any) -> None:
    """What stands before anything that differs between requests has 1,024 tokens, which endpoints ask for."""
    assert count(tokenizer, prompt_text("label")) >= 1024
    assert count(tokenizer, prompt_text("rewrite").split("$trait", maxsplit=1)[0]) >= 1024


@pytest.mark.parametrize(("name", "most"), [("qwen2_5", 250), ("smollm2", 260)])
def test_the_students_prompt_is_short(name: str, most: int) -> None:
    assert count(real_tokenizer(name), render_system("feedback")) <= most


def test_a_label_takes_what_is_forecast(tokenizer: Any) -> None:
    answers = [render_answer(each.feedback, each.evidence, DEFAULT_ORDER) for each in read_examples()]
    tokens = [count(tokenizer, answer) for answer in answers]
    assert min(tokens) - 50 <= USUAL_OUTPUT <= max(tokens) + 50
    assert 2 * max(tokens) < default_setting("label_max_tokens")
