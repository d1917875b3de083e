"""Prompts: versioned prose in `prompt_texts/`, strictly rendered.

One renderer serves labelling, training and inference, so a model is asked in training exactly what it is asked in use. A
prompt's version is the hash of its rendered text: an edit of the prose or of the rubric makes a new version by itself.
"""

import hashlib
from functools import cache
from importlib.resources import files
from string import Template
from typing import Literal, TypedDict

from feedback_model.traits import rubric

PromptName = Literal["label", "feedback", "rewrite"]


class Message(TypedDict):
    """One chat message, as chat templates and the OpenAI API take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@cache
def _template(name: PromptName) -> str:
    return files("feedback_model").joinpath("prompt_texts", f"{name}.md").read_text(encoding="utf-8").strip()


@cache
def render_system(name: PromptName, **values: str) -> str:
    """Return the system prompt `name`, with the rubric filled in.

    Raises:
        KeyError: a placeholder of the prompt has no value.
    """
    return Template(_template(name)).substitute(rubric=rubric(), **values)


def render_messages(name: PromptName, text: str, **values: str) -> list[Message]:
    """Return the messages that ask for `name` about a transcript's `text`."""
    return [
        {"role": "system", "content": render_system(name, **values)},
        {"role": "user", "content": f"Transcript:\n{text}"},
    ]


@cache
def prompt_version(name: PromptName) -> str:
    """`name-xxxxxxxx`, from the hash of the prose and the rubric; placeholders stay unfilled."""
    text = Template(_template(name)).safe_substitute(rubric=rubric())
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
