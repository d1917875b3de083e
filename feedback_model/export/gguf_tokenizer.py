"""Tokenizers in GGUF: tokens with their types, merges, the ids of special tokens, and the rule that cuts a text into words.

Byte-level BPE alone. llama.cpp knows such rules by name and holds their patterns in its own code, so a rule is told by what
it does, and one that llama.cpp has no name for is refused rather than called something near it.
"""
# pyright: basic

import json
from collections.abc import Iterable
from typing import Any, Final

from gguf import GGUFWriter, TokenType

from feedback_model.errors import ModelError
from feedback_model.export.chat import exported_template
from feedback_model.training.encoding import ChatEncoder

_QWEN2: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3: Final = _QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
_BYTES: Final = ("ByteLevel", True)
_RULES: Final[dict[tuple[Any, ...], str]] = {
    (_BYTES,): "gpt-2",
    (("Digits", True), _BYTES): "smollm",
    (("Split", _QWEN2, "Isolated"), ("ByteLevel", False)): "qwen2",
    (("Split", _LLAMA3, "Isolated"), ("ByteLevel", False)): "llama-bpe",
}
"""Name in llama.cpp by the steps of a tokenizer's own rule."""
WAY_ON: Final = "export it as --format safetensors or adapter"


def write_tokenizer(writer: GGUFWriter, tokenizer: Any, n_embeddings: int) -> None:
    """Write everything that is read of a tokenizer.

    Args:
        n_embeddings: rows of the embedding, of which the last may belong to no token.

    Raises:
        ModelError: it is of a kind that is not written.
    """
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    rule = _name_rule(described)
    tokens, types = _list_tokens(tokenizer, n_embeddings)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rule)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(
        [pair if isinstance(pair, str) else " ".join(pair) for pair in described["model"]["merges"]]
    )
    _write_special(writer, tokenizer)


def _name_rule(described: dict[str, Any]) -> str:
    if described["model"]["type"] != "BPE" or not described["model"]["merges"]:
        raise ModelError(f"GGUF is written of byte-level BPE tokenizers alone, and this one is another kind; {WAY_ON}")
    rule = _RULES.get(tuple(map(_step, _steps(described.get("pre_tokenizer")))))
    if rule is None:
        raise ModelError(f"the tokenizer cuts texts into words by a rule that llama.cpp has no name for; {WAY_ON}")
    return rule


def _steps(pre_tokenizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    return (pre_tokenizer or {}).get("pretokenizers") or [pre_tokenizer or {}]


def _step(step: dict[str, Any]) -> tuple[Any, ...]:
    """Reduce a step to what it does."""
    match step.get("type"):
        case "ByteLevel" if not step["add_prefix_space"]:
            return ("ByteLevel", step.get("use_regex", True))
        case "Digits":
            return ("Digits", step["individual_digits"])
        case "Split" if not step["invert"]:
            return ("Split", step["pattern"].get("Regex"), step["behavior"])
    return ("another",)


def _list_tokens(tokenizer: Any, n_embeddings: int) -> tuple[list[str], list[TokenType]]:
    """List tokens and their types by id; an id without a token gets a name that no text holds."""
    by_id = {token_id: token for token, token_id in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder
    tokens = [by_id.get(token_id, f"[PAD{token_id}]") for token_id in range(n_embeddings)]
    types = [_type_of(token_id in by_id, added.get(token_id)) for token_id in range(n_embeddings)]
    return tokens, types


def _type_of(known: bool, added: Any) -> TokenType:
    if not known:
        return TokenType.UNUSED
    if added is None:
        return TokenType.NORMAL
    return TokenType.CONTROL if added.special else TokenType.USER_DEFINED


def _write_special(writer: GGUFWriter, tokenizer: Any) -> None:
    end = ChatEncoder(tokenizer).end_token_id
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    for add, token_id in _known(
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        add(token_id)
    writer.add_add_bos_token(False)  # the chat template writes what a chat begins with
    writer.add_add_space_prefix(False)
    writer.add_chat_template(exported_template(tokenizer))


def _known(*pairs: tuple[Any, int | None]) -> Iterable[tuple[Any, int]]:
    return ((add, token_id) for add, token_id in pairs if token_id is not None)
