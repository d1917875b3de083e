"""The reference way of asking: the library's own greedy `generate`, one left-padded batch at a time.

Slow and plain on purpose: what any faster generator says must be what this one says.
"""
# pyright: basic

import time
from collections.abc import Sequence
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from feedback_model.errors import ModelError
from feedback_model.inference.generator import Output
from feedback_model.progress import check_stop
from feedback_model.training.encoding import LONGEST_PROMPT, ChatEncoder
from feedback_model.training.loading import quiet_libraries


class _StopOnRequest(StoppingCriteria):
    """Lets a request to stop end a batch at its next token, since a batch may take minutes."""

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002 - as its base class
        check_stop()
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def end_tokens(model: Any, encoder: ChatEncoder) -> frozenset[int]:
    """Return the tokens that end an answer: the one of its turn, and those that the model's makers named."""
    published = model.generation_config.eos_token_id
    return frozenset({encoder.end_token_id, *(published if isinstance(published, list) else [published])} - {None})


class ReferenceGenerator:
    """Greedy decoding with `transformers`, until the token that ends the turn."""

    def __init__(self, model: Any, tokenizer: Any, max_new_tokens: int) -> None:
        self._model, self._tokenizer, self._max_new_tokens = model, tokenizer, max_new_tokens
        self._encoder = ChatEncoder(tokenizer)
        self._room = min(model.config.max_position_embeddings - max_new_tokens, LONGEST_PROMPT)
        self._end_ids = end_tokens(model, self._encoder)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each prompt."""
        return [len(ids) for ids in self._prompts(texts)[0]]

    def generate(self, texts: Sequence[str]) -> list[Output]:
        """Return the outputs on one batch of `texts`, in their order; a batch that does not fit into memory is halved.

        Raises:
            ModelError: a single text does not fit into memory.
        """
        try:
            return self._generate(texts)
        except torch.OutOfMemoryError as error:
            if len(texts) == 1:
                raise ModelError(
                    "not even one transcript fits into the GPU's memory beside the model; free some of it, or train a smaller "
                    "--base-model"
                ) from error
        torch.cuda.empty_cache()
        middle = len(texts) // 2
        return self.generate(texts[:middle]) + self.generate(texts[middle:])

    def _prompts(self, texts: Sequence[str]) -> tuple[list[list[int]], frozenset[int]]:
        way_on = f"allow fewer than {self._max_new_tokens} new tokens with --max-new-tokens or FEEDBACK_MAX_NEW_TOKENS"
        return self._encoder.encode_prompts(texts, [self._room] * len(texts), way_on)

    def _generate(self, texts: Sequence[str]) -> list[Output]:
        started = time.perf_counter()
        prompts, cut = self._prompts(texts)
        answers = self._answer_ids(prompts)
        seconds = (time.perf_counter() - started) / len(texts)
        return [self._output(answer, seconds, index in cut) for index, answer in enumerate(answers)]

    def _answer_ids(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        width = max(map(len, prompts))
        padded = [[self._tokenizer.pad_token_id] * (width - len(ids)) + list(ids) for ids in prompts]
        mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts]
        device = self._model.device
        with torch.inference_mode(), quiet_libraries():
            generated = self._model.generate(
                input_ids=torch.tensor(padded, device=device),
                attention_mask=torch.tensor(mask, device=device),
                max_new_tokens=self._max_new_tokens,
                eos_token_id=sorted(self._end_ids),
                pad_token_id=self._tokenizer.pad_token_id,
                do_sample=False,
                stopping_criteria=StoppingCriteriaList([_StopOnRequest()]),
            )
        return generated[:, width:].tolist()

    def _output(self, ids: list[int], seconds: float, truncated: bool = False) -> Output:
        end = next((at for at, token in enumerate(ids) if token in self._end_ids), None)
        text = self._tokenizer.decode(ids[:end], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        raw = text.encode("utf-8", "surrogatepass")
        if end is None:
            return Output(raw, "length", len(ids), seconds, truncated)
        return Output(raw, "stop", end + 1, seconds, truncated)
