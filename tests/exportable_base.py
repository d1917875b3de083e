"""Base models of a few thousand parameters with a trained byte-level BPE tokenizer, in the families that GGUF is written of."""

from pathlib import Path
from typing import Any

from feedback_model.records.training import BaseModel, Checkpoint, ModelVersion, epoch_folder
from tests.builders import a_speech
from tests.micro_model import CHAT_TEMPLATE, SPECIAL, a_recipe, save_micro_model

QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PUBLISHED_RULES = {"Llama": "smollm", "Qwen2": "qwen2"}
"""How the tokenizers of these families cut texts into words, by llama.cpp's names."""


def save_exportable_base(folder: Path, family: str, rule: str = "", **options: Any) -> Path:
    """Write an untrained model of `family` (hidden 64, two layers, more heads than key heads) to `folder`."""
    tokenizer = trained_tokenizer(rule or PUBLISHED_RULES[family])
    size = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2}
    ids = {"eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"), "vocab_size": len(tokenizer) + 5}
    save_micro_model(folder, family=family, **size, **ids, **options)
    tokenizer.save_pretrained(folder)
    return folder


def trained_tokenizer(rule: str):
    """A tokenizer of some 400 tokens, one of them a whole phrase, that cuts texts into words by `rule`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer(rule)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=380, initial_alphabet=_alphabet(), show_progress=False)
    tokenizer.train_from_iterator([a_speech(number) for number in range(8)], trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken('{"score": ', normalized=False)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = CHAT_TEMPLATE
    return fast


def _alphabet() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _pre_tokenizer(rule: str):
    from tokenizers import Regex, pre_tokenizers

    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if rule == "gpt-2":
        return words
    if rule == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), words])
    patterns = {
        "qwen2": QWEN2_PATTERN,
        "llama-bpe": QWEN2_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|"),
        "odd": r"\p{L}+",
    }
    split = pre_tokenizers.Split(Regex(patterns[rule]), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def a_trained_version(home: Path, base: BaseModel, run_id: str = "run-1", epoch: int = 1) -> ModelVersion:
    """An epoch on `base` whose adapter, under `home`, changes what the base says though no training made it."""
    import torch

    from feedback_model.training.loading import load_model
    from feedback_model.training.qlora import attach_adapters, save_adapter

    adapted = attach_adapters(load_model(base, True, "cpu", "float32", in_4_bits=False), a_recipe())
    torch.manual_seed(epoch)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    path = epoch_folder(run_id, epoch)
    sha = save_adapter(adapted, home / path)
    return ModelVersion(f"epoch-{epoch}", base, True, Checkpoint(run_id, epoch, str(path), sha, None))
