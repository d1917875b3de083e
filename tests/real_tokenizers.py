"""Published tokenizers with their chat templates: those of `make tokenizers`, and SmolLM2's own; absent ones skip the test.

Templates that the fetched folders lack are written here by the format their makers describe: Llama 2 and 3.2
(github.com/meta-llama/llama-models), Gemma 2 (ai.google.dev/gemma/docs/formatting), Mistral-7B-Instruct-v0.1
(docs.mistral.ai) and Vicuna 1.1 (github.com/lm-sys/FastChat, fastchat/conversation.py).
"""

from copy import copy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from feedback_model.errors import ConfigurationError

FOLDER = Path(__file__).parents[1] / ".tokenizers"

LLAMA2 = (
    "{% set ns = namespace(system='') %}{% for message in messages %}"
    "{% if message.role == 'system' %}{% set ns.system = '<<SYS>>\n' + message.content + '\n<</SYS>>\n\n' %}"
    "{% elif message.role == 'user' %}{{ bos_token + '[INST] ' + ns.system + message.content | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + message.content | trim + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA3_2 = (
    '{{ bos_token }}{% if not date_string is defined %}{% set date_string = strftime_now("%d %b %Y") %}{% endif %}'
    "{% for message in messages %}{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' }}"
    "{% if message.role == 'system' %}{{ 'Cutting Knowledge Date: December 2023\nToday Date: ' }}"
    "{{ date_string + '\n\n' }}{% endif %}{{ message.content | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA2 = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) }}"
    "{{ '\n' + message.content | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}{{ '[INST] ' + message.content + ' [/INST]' }}"
    "{% elif message.role == 'assistant' %}{{ message.content + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
VICUNA = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}"
    "{% elif message.role == 'user' %}{{ ' USER: ' + message.content }}"
    "{% else %}{{ ' ASSISTANT: ' + message.content + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' ASSISTANT:' }}{% endif %}"
)


class Published(NamedTuple):
    """A published model's tokenizer and chat."""

    folder: str
    end_token: str
    after: str
    """What stands between the user's turn and the answer."""
    template: str | None = None
    """In place of the folder's own."""
    merged: bool = False
    """The template has no system turn."""


CHATML = "<|im_end|>\n<|im_start|>assistant\n"
LLAMA3_AFTER = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
GEMMA_AFTER = "<end_of_turn>\n<start_of_turn>model\n"
PUBLISHED = {
    "qwen2_5": Published("qwen2_5", "<|im_end|>", CHATML),
    "smollm2": Published("smollm2", "<|im_end|>", CHATML),
    "qwen3": Published("qwen3", "<|im_end|>", f"{CHATML}<think>\n\n</think>\n\n"),
    "llama3": Published("llama3", "<|eot_id|>", LLAMA3_AFTER),
    "llama3_2": Published("llama3", "<|eot_id|>", LLAMA3_AFTER, LLAMA3_2),
    "gemma2": Published("gemma3", "<end_of_turn>", GEMMA_AFTER, GEMMA2, merged=True),
    "gemma3": Published("gemma3", "<end_of_turn>", GEMMA_AFTER),
    "llama2": Published("llama2", "</s>", " [/INST]", LLAMA2),
    "mistral": Published("llama2", "</s>", " [/INST]", MISTRAL, merged=True),
    "vicuna": Published("llama2", "</s>", " ASSISTANT:", VICUNA),
}


def real_tokenizer(name: str) -> Any:
    """Return a published tokenizer as it is loaded for a base model; skips the test where it is absent."""
    published = PUBLISHED[name]
    folder = _folder(published.folder)
    if folder is None:
        pytest.skip(f"the tokenizer {published.folder} is not here: run `make tokenizers` and `make smollm2`")
    tokenizer = copy(_loaded(folder))
    if published.template is not None:
        tokenizer.chat_template = published.template
    return tokenizer


def _folder(name: str) -> Path | None:
    if name != "smollm2":
        return FOLDER / name if (FOLDER / name / "tokenizer.json").is_file() else None
    from feedback_model.training.smollm2 import smollm2_base

    try:
        return Path(smollm2_base().location)
    except ConfigurationError:
        return None


@cache
def _loaded(folder: Path) -> Any:
    from feedback_model.records.training import BaseModel
    from feedback_model.training.loading import load_tokenizer

    return load_tokenizer(BaseModel(folder.name, str(folder), ""))
