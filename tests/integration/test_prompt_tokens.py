"""Prompts counted by the tokenizer of the base model: long enough to be cached by the endpoint, short enough for the student."""

import os
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import try_to_load_from_cache

from feedback_model.feedback import DEFAULT_ORDER, render_answer
from feedback_model.labelling.requests import USUAL_OUTPUT
from feedback_model.prompts import prompt_text, render_system
from feedback_model.rubric import read_examples
from feedback_model.settings import default_setting


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Qwen2.5's, from $QWEN_TOKENIZER or the hub's cache."""
    from tokenizers import Tokenizer

    path = os.environ.get("QWEN_TOKENIZER") or try_to_load_from_cache("Qwen/Qwen2.5-0.5B-Instruct", "tokenizer.json")
    if not isinstance(path, str) or not Path(path).is_file():
        pytest.skip("Qwen2.5's tokenizer.json is neither at $QWEN_TOKENIZER nor in the hub's cache")
    return Tokenizer.from_file(path)


def test_static_parts_are_long_enough_to_cache(tokenizer: Any) -> None:
    """What stands before anything that differs between requests has 1,024 tokens, which endpoints ask for."""
    assert len(tokenizer.encode(prompt_text("label")).ids) >= 1024
    assert len(tokenizer.encode(prompt_text("rewrite").split("$trait", maxsplit=1)[0]).ids) >= 1024


def test_the_students_prompt_is_short(tokenizer: Any) -> None:
    assert len(tokenizer.encode(render_system("feedback")).ids) <= 250


def test_a_label_takes_what_is_forecast(tokenizer: Any) -> None:
    answers = [render_answer(each.feedback, each.evidence, DEFAULT_ORDER) for each in read_examples()]
    tokens = [len(tokenizer.encode(answer).ids) for answer in answers]
    assert min(tokens) - 50 <= USUAL_OUTPUT <= max(tokens) + 50
    assert 2 * max(tokens) < default_setting("label_max_tokens")
