"""A base model of a few thousand parameters with a real tokenizer and chat template, for tests of training and inference."""

from pathlib import Path

from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.records import Dataset, Example, LabelSet, Origin, Split, Transcript
from feedback_model.traits import TRAIT_KEYS

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def save_micro_model(folder: Path, chat_template: str | None = CHAT_TEMPLATE) -> Path:
    """Write an untrained Qwen2 (hidden 32, two layers) and its byte-level tokenizer to `folder`."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = _tokenizer(chat_template)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1536,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
        pad_token_id=0,
    )
    torch.manual_seed(0)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(chat_template: str | None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: at for at, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=SPECIAL[1:2]
    )
    fast.chat_template = chat_template
    return fast


def a_feedback(score: int = 5, explanation: str = "ok") -> Feedback:
    return Feedback(tuple(TraitFeedback(score, explanation) for _ in TRAIT_KEYS))


def an_example(number: int = 0, text: str = "", split: Split = "train", origin: Origin = "real") -> Example:
    words = text or f"well this is talk number {number} " + "and so on " * (number % 4)
    return Example(f"t{number}", f"s{number}", words, split, origin, a_feedback(1 + number % 10))


def some_examples(count: int) -> list[Example]:
    return [an_example(number) for number in range(count)]


def transcript_of(example: Example) -> Transcript:
    return Transcript(example.transcript_id, example.source_id, example.text, "test", "", example.split)


def a_dataset(n_train: int = 12) -> Dataset:
    return Dataset("d" * 32, LabelSet("labeller", "label-1"), "snapshots/d.parquet", n_train, 0, 0, 0)
