"""Prompts: versioned prose in `prompt_texts/`, strictly rendered.

One renderer serves labelling, training and inference, so a model is asked in training exactly what it is asked in use. A
prompt's version is the hash of its rendered text: an edit of the prose or of the rubric makes a new version by itself.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final, Literal, TypedDict

from feedback_model.feedback import DEFAULT_ORDER, AnswerOrder
from feedback_model.rubric import answer_members, labeller_rubric, render_examples, reworded_rubric, student_rubric

PromptName = Literal["label", "label-again", "feedback", "rewrite"]
"""`label-again` is `label` with the rubric in other words: what the labeller's noise is measured with."""

_FILES: Final[dict[PromptName, str]] = {"label-again": "label"}
_RUBRICS: Final[dict[PromptName, Callable[[], str]]] = {
    "label": labeller_rubric,
    "label-again": reworded_rubric,
    "feedback": student_rubric,
    "rewrite": labeller_rubric,
}
_TAG = re.compile(r"<(?=\s*/?\s*transcript)", re.IGNORECASE)


class Message(TypedDict):
    """One chat message, as chat templates and the OpenAI API take it."""

    role: Literal["system", "user", "assistant"]
    content: str


def mark_off(text: str) -> str:
    """Put a transcript between its tags; what looks like such a tag in it becomes text, so that nothing in it ends it."""
    return f"<transcript>\n{_TAG.sub('&lt;', text)}\n</transcript>"


def take_out(marked: str) -> str:
    """Take a transcript out of its tags, as far as it stands between them."""
    return marked.strip().removeprefix("<transcript>").removesuffix("</transcript>").strip()


@cache
def _prose(file: str) -> str:
    return files("feedback_model").joinpath("prompt_texts", f"{file}.md").read_text(encoding="utf-8").strip()


@cache
def _template(name: PromptName, order: AnswerOrder) -> Template:
    """Fill in what every request has in common; placeholders of single requests stay."""
    work = "rewrite" if name == "rewrite" else "judge"
    shared = {
        "transcript": Template(_prose("transcript")).substitute(work=work),
        "rubric": _RUBRICS[name](),
        "answer": answer_members(order),
        "examples": render_examples(order),
    }
    escaped = {placeholder: text.replace("$", "$$") for placeholder, text in shared.items()}
    return Template(Template(_prose(_FILES.get(name, name))).safe_substitute(escaped))


@cache
def render_system(name: PromptName, order: AnswerOrder = DEFAULT_ORDER, **values: str) -> str:
    """Return the system prompt `name`.

    Args:
        order: of a labeller's answer; other prompts are the same in both.

    Raises:
        KeyError: a placeholder of the prompt has no value.
    """
    return _template(name, order).substitute(values)


def render_messages(name: PromptName, text: str, order: AnswerOrder = DEFAULT_ORDER, **values: str) -> list[Message]:
    """Return the messages that ask for `name` about a transcript's `text`."""
    return [
        {"role": "system", "content": render_system(name, order, **values)},
        {"role": "user", "content": mark_off(text)},
    ]


def prompt_text(name: PromptName, order: AnswerOrder = DEFAULT_ORDER) -> str:
    """Return the system prompt with the placeholders of single requests unfilled."""
    return _template(name, order).safe_substitute()


@cache
def prompt_version(name: PromptName, order: AnswerOrder = DEFAULT_ORDER) -> str:
    """`name-xxxxxxxx`, from the hash of prose, rubric and how a transcript is marked off."""
    text = f"{prompt_text(name, order)}\n{mark_off('')}"
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
