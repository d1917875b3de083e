"""How other programs ask an exported model: its chat template, its prompt, and whether the two say what training said."""
# pyright: basic

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import TemplateError

from feedback_model.prompts import Message, prompt_version, render_messages
from feedback_model.training.chat_frame import pin_date
from feedback_model.training.encoding import ChatEncoder

PROMPT_FILE: Final = "feedback_prompt.json"
PLACEHOLDER: Final = "{transcript}"
_TAUGHT_PART: Final = re.compile(r"\{%(-?)\s*(?:end)?generation\s*(-?)%\}")


@dataclass(frozen=True, slots=True)
class ExportedPrompt:
    """The one prompt that the model was trained on, with a placeholder for the transcript."""

    text: str
    """As the model reads it, up to where its answer begins."""
    messages: tuple[Message, ...]
    """What is handed to the chat template."""
    as_trained: bool
    """Whether the chat template makes `text` of `messages`."""
    end_token: str
    max_new_tokens: int


def exported_template(tokenizer: Any) -> str:
    """Return the chat template without what only training or this service reads.

    A template that writes the day writes the one that it was trained with. The marks around an answer are no Jinja that other
    programs know; a comment in their place leaves the same spaces.
    """
    return _TAUGHT_PART.sub(r"{#\1 \2#}", pin_date(tokenizer.get_chat_template()))


def read_prompt(tokenizer: Any, max_new_tokens: int) -> ExportedPrompt:
    """Read the prompt off a tokenizer, as messages that its template turns into what the model was trained on.

    Raises:
        ModelError: the template cannot be used.
    """
    encoder = ChatEncoder(tokenizer)
    text = encoder.prompt(PLACEHOLDER)
    apart = render_messages("feedback", PLACEHOLDER)
    together: list[Message] = [{"role": "user", "content": "\n\n".join(each["content"] for each in apart)}]
    template = exported_template(tokenizer)
    found = next((chat for chat in (apart, together) if _render(tokenizer, template, chat) == text), None)
    return ExportedPrompt(text, tuple(found or apart), found is not None, encoder.end_token, max_new_tokens)


def _render(tokenizer: Any, template: str, messages: Sequence[Message]) -> str | None:
    try:
        return tokenizer.apply_chat_template(
            list(messages), chat_template=template, tokenize=False, add_generation_prompt=True
        )
    except (TemplateError, ValueError, TypeError):
        return None


def write_prompt(prompt: ExportedPrompt, folder: Path) -> None:
    """Write the prompt for whoever asks the model from elsewhere."""
    written = {
        "version": prompt_version("feedback"),
        "messages": prompt.messages,
        "text": prompt.text,
        "end_token": prompt.end_token,
        "max_new_tokens": prompt.max_new_tokens,
    }
    (folder / PROMPT_FILE).write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_modelfile(prompt: ExportedPrompt, weights: str, context: int, folder: Path) -> None:
    """Write what Ollama makes a model from; its template is the prompt, so that a bare transcript is all one sends it."""
    lines = [
        f"FROM ./{weights}",
        f'TEMPLATE """{prompt.text.replace(PLACEHOLDER, "{{ .Prompt }}")}"""',
        "PARAMETER temperature 0",
        f"PARAMETER num_ctx {context}",
        f"PARAMETER num_predict {prompt.max_new_tokens}",
        f'PARAMETER stop "{prompt.end_token}"',
    ]
    (folder / "Modelfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
