"""Builds the tiny base model: a Qwen2-shaped network of some 210,000 parameters, pretrained on this machine in about two
minutes.

Reads `tiny_corpus`; the loss counts the words of the notes fully and everything else a little. Imports torch and
transformers: only `tiny_base` imports this, when it has to build.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM
from transformers.utils import logging as transformers_logging

from feedback_model.demo.tiny_corpus import LEVEL_WORDS, Reading, write_readings
from feedback_model.demo.tiny_tokenizer import save_tokenizer
from feedback_model.progress import Tracker, track

IGNORED = -100
WINDOW = 16
"""Batches sorted by length together."""
EncodedReading = tuple[list[int], int]
"""Token ids, and where the assistant's message starts among them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the curriculum: transcripts grow longer, chats come last."""

    steps: int
    batch: int
    """Documents a step."""
    sentences_per_trait: int
    chat_share: float
    """Share of chats, 0..1; the rest are notes."""


CURRICULUM = (
    Stage(400, 32, 1, 0.0),
    Stage(150, 24, 2, 0.0),
    Stage(250, 24, 2, 0.75),
)
PEAK_RATE = 6e-3
WARMUP_STEPS = 50
LEVEL_WORD_WEIGHT = 1.0
OTHER_WEIGHT = 0.2
INITIAL_RANGE = 0.1
"""Standard deviation of initial weights; the usual 0.02 learned to read far more slowly."""
SEED = 1


def build_tiny_base(folder: Path) -> None:
    """Train tokenizer and model, and save both into `folder` as Hugging Face would."""
    before, seed = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    try:
        tracker = track("build tiny base", sum(stage.steps for stage in CURRICULUM))
        tokenizer = _make_tokenizer(folder)
        model = _make_model(tokenizer)
        _pretrain(model, tokenizer, tracker)
        transformers_logging.disable_progress_bar()  # the tracker is the progress that people see
        model.eval().save_pretrained(folder)
    finally:
        torch.set_num_threads(before)
        torch.random.set_rng_state(seed)


def _make_tokenizer(folder: Path) -> Any:
    readings = write_readings(1500, SEED, 2, 0.4)
    save_tokenizer((message["content"] for reading in readings for message in reading.messages), folder)
    return AutoTokenizer.from_pretrained(folder)


def _make_model(tokenizer: Any) -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=-(-len(tokenizer) // 8) * 8,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        initializer_range=INITIAL_RANGE,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config)


def _rate_factor(step: int, total: int) -> float:
    return min((step + 1) / WARMUP_STEPS, max(0.03, 1 - step / total))


def _pretrain(model: Qwen2ForCausalLM, tokenizer: Any, tracker: Tracker) -> None:
    total = sum(stage.steps for stage in CURRICULUM)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate_factor(step, total))
    level_words = torch.zeros(model.config.vocab_size, dtype=torch.bool)
    level_words[[tokenizer(word)["input_ids"][0] for word in LEVEL_WORDS]] = True
    for input_ids, answers in _batches(tokenizer):
        loss, accuracy = _loss(model, input_ids, answers, level_words)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        tracker.advance(detail=f"loss {loss.item():.2f}, level words {accuracy:.2f}")


def _batches(tokenizer: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for number, stage in enumerate(CURRICULUM):
        count, seed = stage.steps * stage.batch, SEED + 1 + number
        readings = write_readings(count, seed, stage.sentences_per_trait, stage.chat_share)
        for batch in _batches_by_length((_encode(reading, tokenizer) for reading in readings), stage.batch):
            yield _pad(batch, tokenizer.pad_token_id)


def _batches_by_length(rows: Iterator[EncodedReading], size: int) -> Iterator[list[EncodedReading]]:
    """Sort windows of rows by length, so that batches hold little padding; shuffle the batches of each window."""
    random_ = random.Random(SEED)
    while window := sorted(islice(rows, WINDOW * size), key=lambda row: len(row[0])):
        batches = [window[start : start + size] for start in range(0, len(window), size)]
        random_.shuffle(batches)
        yield from batches


def _encode(reading: Reading, tokenizer: Any) -> EncodedReading:
    messages = list(reading.messages)
    prompt = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
    answer = messages[-1]["content"] + "<|im_end|>"
    start, end = tokenizer.backend_tokenizer.encode_batch([prompt, answer], add_special_tokens=False)
    return start.ids + end.ids, len(start.ids)


def _pad(rows: list[EncodedReading], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids (batch, length), and the ids of the answers alone, the rest `IGNORED`."""
    length = max(len(ids) for ids, _ in rows)
    input_ids = torch.full((len(rows), length), pad)
    answers = torch.full((len(rows), length), IGNORED)
    for row, (ids, start) in enumerate(rows):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        answers[row, start : len(ids)] = torch.tensor(ids[start:])
    return input_ids, answers


def _loss(
    model: Qwen2ForCausalLM, input_ids: torch.Tensor, answers: torch.Tensor, level_words: torch.Tensor
) -> tuple[torch.Tensor, float]:
    """Weighted mean loss over the answers' tokens, in nats, and how many level words were foreseen, 0..1."""
    hidden = model.model(input_ids=input_ids, use_cache=False).last_hidden_state[:, :-1]
    targets = answers[:, 1:]
    chosen = targets != IGNORED
    logits, wanted = model.lm_head(hidden[chosen]), targets[chosen]
    losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
    telling = level_words[wanted]
    weights = torch.where(telling, LEVEL_WORD_WEIGHT, OTHER_WEIGHT)
    foreseen = (logits.argmax(-1) == wanted)[telling].float().mean().item() if telling.any() else 0.0
    return (losses * weights).sum() / weights.sum(), foreseen
