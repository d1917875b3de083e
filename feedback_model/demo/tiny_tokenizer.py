"""The tiny base model's tokenizer: byte-level BPE, pre-tokenized as Qwen2's, trained on synthetic speech.

The lines of the feedback prompt and the fixed pieces of the answer's JSON are one token each, so that a tiny model
need not pay for boilerplate; digits are single tokens, so `10` is two, as in Qwen2.5. Imports `tokenizers` and
`transformers` when called.
"""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from feedback_model.prompts import render_system
from feedback_model.traits import TRAIT_KEYS

SPECIAL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VOCABULARY: Final = 2048
"""Most tokens before the added ones; the synthetic language needs fewer."""
QWEN2_PATTERN: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ROLE_WORDS: Final = ("system", "user", "assistant") * 500
"""Written often enough to become tokens."""
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}\n"
    "{% else %}{{ message['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def fixed_pieces() -> list[str]:
    """Texts that are one token each: prompt lines and JSON skeleton."""
    lines = [line for line in render_system("feedback").split("\n") if line]
    keys = [f'"{key}": ' for key in TRAIT_KEYS]
    return [*lines, "<transcript>\n", "\n</transcript>", *keys, '{"score": ', ', "explanation": "', '"}, ']


def save_tokenizer(texts: Iterator[str], folder: Path) -> None:
    """Train on `texts` and save into `folder` what `AutoTokenizer` loads as a Qwen2 tokenizer."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(chain(texts, ROLE_WORDS), trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in fixed_pieces()])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(_config(), indent=2))


def _config() -> dict[str, object]:
    return {
        "tokenizer_class": "Qwen2Tokenizer",
        "add_prefix_space": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "model_max_length": 4096,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
