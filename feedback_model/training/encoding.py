"""Chats as token ids: what the model reads, and what it is taught to answer.

Prompt and answer are tokenised apart and joined, so training sees exactly the prompt ids that inference will send. Knows the
tokenizer and the prompt, nothing of tensors.
"""
# pyright: basic

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from feedback_model.errors import InputError, ModelError
from feedback_model.feedback import render_feedback
from feedback_model.prompts import render_messages
from feedback_model.records.labels import LabelledTranscript

_log = logging.getLogger(__name__)
_WAY_ON = "choose an instruct model with --base-model"


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """One chat, as token ids."""

    prompt_ids: tuple[int, ...]
    """Read, never taught."""
    answer_ids: tuple[int, ...]
    """The answer and the token that ends its turn: all that the loss sees."""

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.answer_ids)


def shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """Count the tokens that all `prompts` begin with, leaving at least one of each."""
    shortest = min(map(len, prompts))
    same = (len(set(tokens)) == 1 for tokens in zip(*prompts, strict=False))
    return min(shortest - 1, next((at for at, alike in enumerate(same) if not alike), shortest))


class ChatEncoder:
    """Renders chats with the tokenizer's own template and turns them into ids."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.end_token, self.end_token_id = self._find_end_token()

    def prompt(self, text: str) -> str:
        """Return the rendered prompt about a transcript, up to where the model begins to answer."""
        return self._render(text, None)

    def _render(self, text: str, answer: str | None) -> str:
        messages: list[Any] = list(render_messages("feedback", text))
        if answer is not None:
            messages.append({"role": "assistant", "content": answer})
        try:
            return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer is None)
        except (TemplateError, ValueError) as error:
            raise ModelError(
                f"the base model's chat template cannot render a system and a user turn ({error}); {_WAY_ON}"
            ) from error

    def _find_end_token(self) -> tuple[str, int]:
        prompt, answer = self._render("x", None), '{"a": 1}'
        whole = self._render("x", answer)
        if not whole.startswith(prompt + answer):
            raise ModelError(
                "the base model's chat template changes the prompt or the answer once the answer is there, "
                f"so it cannot be trained on answers alone; {_WAY_ON}"
            )
        after = self.ids([whole[len(prompt + answer) :]])[0]
        if not after or after[0] not in self._tokenizer.all_special_ids:
            raise ModelError(f"the base model's chat template does not end an answer with a special token; {_WAY_ON}")
        return self._tokenizer.convert_ids_to_tokens(after[0]), after[0]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of already rendered texts."""
        return self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]

    def encode_prompts(
        self, texts: Sequence[str], limits: Sequence[int], way_on: str
    ) -> tuple[list[list[int]], frozenset[int]]:
        """Prompt ids about each transcript, at most its limit each, and the positions of transcripts that had to be cut.

        Args:
            way_on: what makes room, said where there is none.

        Raises:
            InputError: not even the prompt without a transcript fits.
        """
        encoded = self.ids([self.prompt(text) for text in texts])
        cut = frozenset(index for index, ids in enumerate(encoded) if len(ids) > limits[index])
        for index in cut:
            encoded[index] = self._shortened(texts[index], limits[index], way_on)
        return encoded, cut

    def _shortened(self, text: str, limit: int, way_on: str) -> list[int]:
        words = self.ids([text])[0]
        keep = len(words)
        ids = self.ids([self.prompt(text)])[0]
        while len(ids) > limit:
            if keep == 0:
                raise InputError(
                    f"the prompt alone takes {len(ids)} tokens, but only {limit} fit beside the answer; {way_on}"
                )
            keep = max(0, keep - (len(ids) - limit))
            ids = self.ids([self.prompt(self._tokenizer.decode(words[:keep]))])[0]
        return ids

    def encode_examples(self, examples: Sequence[LabelledTranscript], max_length: int) -> list[EncodedExample]:
        """Return the chats to train on, at most `max_length` tokens each: transcripts are cut at their end, answers never.

        Raises:
            InputError: an answer leaves no room for its prompt.
        """
        answers = self.ids([render_feedback(example.feedback) + self.end_token for example in examples])
        room = [max_length - len(answer) for answer in answers]
        way_on = f"train with --set max_length={2 * max_length}, or choose a --base-model that reads more"
        prompts, cut = self.encode_prompts([example.text for example in examples], room, way_on)
        if cut:
            _log.warning("%d of %d transcripts were cut to fit %d tokens", len(cut), len(examples), max_length)
        return [EncodedExample(tuple(prompt), tuple(answer)) for prompt, answer in zip(prompts, answers, strict=True)]
