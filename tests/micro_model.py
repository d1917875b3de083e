"""A base model of a few thousand parameters with a real tokenizer and chat template, for tests of training and inference."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.records.labels import Dataset, LabelledTranscript
from feedback_model.records.recipe import Recipe
from feedback_model.store.bulk import insert_missing
from feedback_model.store.connection import Store
from feedback_model.store.tables import dataset
from feedback_model.traits import TRAIT_KEYS
from tests.builders import LABEL_SET, NOW, a_transcript

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def save_micro_model(
    folder: Path, chat_template: str | None = CHAT_TEMPLATE, family: str = "Qwen2", **options: Any
) -> Path:
    """Write an untrained model (hidden 32, two layers) and its byte-level tokenizer to `folder`.

    Args:
        family: of models, as transformers names it.
        options: of its configuration, in place of ours.
    """
    import torch
    import transformers

    tokenizer = _tokenizer(chat_template)
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 1536,
        "tie_word_embeddings": True,
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "pad_token_id": 0,
    }
    config = getattr(transformers, f"{family}Config")(**{**settings, **options})
    torch.manual_seed(0)
    getattr(transformers, f"{family}ForCausalLM")(config).save_pretrained(folder)
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


def an_example(number: int = 0, text: str | None = None) -> LabelledTranscript:
    transcript = a_transcript(
        text or f"well this is talk number {number} " + "and so on " * (number % 4), split="train"
    )
    score = 1 + number % 10
    feedback = Feedback(tuple(TraitFeedback(score, "ok") for _ in TRAIT_KEYS))
    return LabelledTranscript(
        transcript.transcript_id, transcript.source_id, transcript.text, "train", "real", feedback
    )


def some_examples(count: int = 6) -> list[LabelledTranscript]:
    return [an_example(number) for number in range(count)]


def a_recipe(**fields: Any) -> Recipe:
    """Two epochs of few steps, small enough for a test."""
    chosen: dict[str, Any] = {
        "epochs": 2,
        "learning_rate": 1e-2,
        "batch_size": 2,
        "warmup_fraction": 0.1,
        "weight_decay": 0.0,
        "max_gradient_norm": 1.0,
        "max_length": 1500,
        "seed": 0,
    }
    return Recipe(**{**chosen, **fields})


def store_dataset(store: Store, name: str = "d") -> Dataset:
    """Put an otherwise empty dataset into the database, so that runs can name it."""
    made = Dataset(name * 32, LABEL_SET, "snapshots/d.parquet", 6, 0, 0, 0)
    row = {**asdict(made), "created_at": NOW, **asdict(made.labelling_config)}
    del row["labelling_config"]
    with store.write() as connection:
        insert_missing(connection, dataset, [row])
    return made
