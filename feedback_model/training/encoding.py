"""Chats as token ids: what the model reads, and what it is taught to answer.

Prompt and answer are tokenised apart and joined, so training sees exactly the prompt ids that inference will send. Knows the
tokenizer and the prompt, nothing of tensors.
"""
# pyright: basic

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from feedback_model.errors import InputError, ModelError
from feedback_model.feedback import Feedback, render_feedback
from feedback_model.prompts import Message, mark_off
from feedback_model.records.labels import LabelledTranscript
from feedback_model.training.branches import NOTHING, Branches, TaughtTree, TokenTree, read_branches, teach
from feedback_model.training.chat_frame import WAY_ON, pin_date, read_frame

LONGEST_PROMPT: Final = 2_048
"""Tokens of a prompt that a model is asked with: what recipes train on. Memory grows with their square, and a piece of 250 words
may hold one of 100,000 letters."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """One chat, as token ids."""

    prompt_ids: tuple[int, ...]
    """Read, never taught."""
    answer_ids: tuple[int, ...]
    """The answer and the token that ends its turn: all that the loss sees, but for the branches."""
    branches: TaughtTree | None = None
    """Each trait on its own behind the same prompt; None where that is not taught."""

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.answer_ids) + len(self.tree)

    @property
    def tree(self) -> TokenTree:
        """Tokens of the branches; none where they are not taught."""
        return self.branches.tree if self.branches else NOTHING

    def without_branches(self) -> "EncodedExample":
        """Return the whole answer alone."""
        return replace(self, branches=None)


def shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """Count the tokens with which all `prompts` begin, leaving at least one token of each."""
    if not prompts:
        return 0
    # What the first and the last in sorted order share, all between them share too.
    first, last = min(prompts, key=tuple), max(prompts, key=tuple)
    shared = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return max(0, min(shared, min(map(len, prompts)) - 1))


class ChatEncoder:
    """Renders chats with the tokenizer's own template and turns them into ids.

    Raises:
        ModelError: the template cannot be used.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer, self._one_call = tokenizer, threading.Lock()
        self._special: frozenset[int] = frozenset(tokenizer.all_special_ids) | {
            token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special
        }
        self._frame = read_frame(self._render)
        if self._begins_with_space:
            # Such tokenizers write a word's leading space into its first token, and so will the model that answers.
            self._frame = replace(self._frame, after=self._frame.after.rstrip(" "))
        self.end_token, self.end_token_id = self._find_end_token()

    def _render(self, messages: Sequence[Message]) -> str:
        template = pin_date(self._tokenizer.get_chat_template())
        return self._tokenizer.apply_chat_template(list(messages), chat_template=template, tokenize=False)

    @cached_property
    def _begins_with_space(self) -> bool:
        return self._tokenizer.convert_ids_to_tokens(self._verbatim_ids(["x"])[0])[0].startswith("▁")

    def _find_end_token(self) -> tuple[str, int]:
        after = self.ids([self._frame.ending.lstrip()])[0]
        if not after or after[0] not in self._special:
            raise ModelError(f"the base model's chat template does not end an answer with a special token; {WAY_ON}")
        return self._tokenizer.convert_ids_to_tokens(after[0]), after[0]

    def prompt(self, text: str) -> str:
        """Return the rendered prompt about a transcript, up to where the model begins to answer."""
        return self._frame.around(text)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of already rendered texts."""
        return self._tokenise(texts, verbatim=False)

    def _verbatim_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of texts in which special tokens are characters like any others."""
        return self._tokenise(texts, verbatim=True)

    def _tokenise(self, texts: Sequence[str], *, verbatim: bool) -> list[list[int]]:
        # Each call sets on the tokenizer how it takes special tokens, and then uses it: of two threads one would get the other's.
        with self._one_call:
            return self._tokenizer(list(texts), add_special_tokens=False, split_special_tokens=verbatim)["input_ids"]

    def prompt_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of the prompt about each transcript; none that says `<|im_end|>` ends its turn by that."""
        encoded = self.ids([self.prompt(text) for text in texts])
        for index, ids in enumerate(encoded):
            if self._count_special(ids) != self._special_in_frame:
                encoded[index] = self._guarded_ids(texts[index])
        return encoded

    def _count_special(self, ids: Iterable[int]) -> int:
        return sum(token in self._special for token in ids)

    @cached_property
    def _special_in_frame(self) -> int:
        return self._count_special(self.ids([self.prompt("")])[0])

    def _guarded_ids(self, text: str) -> list[int]:
        """Tokenise the template's special tokens apart from what stands between them, where the transcript is."""
        names = [self._tokenizer.convert_ids_to_tokens(token) for token in self._special]
        before, after = self._frame.before, self._frame.after
        opened = max((before.rfind(name) + len(name) for name in names if name in before), default=0)
        closed = min((after.find(name) for name in names if name in after), default=len(after))
        (middle,) = self._verbatim_ids([before[opened:] + mark_off(text) + after[:closed]])
        opening, closing = self.ids([before[:opened], after[closed:]])
        return [*opening, *middle, *closing]

    def encode_prompts(
        self, texts: Sequence[str], limits: Sequence[int], way_on: str
    ) -> tuple[list[list[int]], frozenset[int]]:
        """Prompt ids about each transcript, at most its limit each, and the positions of transcripts that had to be cut.

        Args:
            way_on: what makes room, said where there is none.

        Raises:
            InputError: not even the prompt without a transcript fits.
        """
        encoded = self.prompt_ids(texts)
        cut = frozenset(index for index, ids in enumerate(encoded) if len(ids) > limits[index])
        for index in cut:
            encoded[index] = self._shortened(texts[index], limits[index], way_on)
        return encoded, cut

    def _shortened(self, text: str, limit: int, way_on: str) -> list[int]:
        whole, bare = self.prompt_ids([text, ""])
        if len(bare) > limit:
            raise InputError(
                f"the prompt alone takes {len(bare)} tokens, but only {limit} fit beside the answer; {way_on}"
            )
        words, ids = self._verbatim_ids([text])[0], whole
        while len(ids) > limit:
            # A word costs more than itself where `mark_off` writes it out.
            words = words[: min(len(words) - 1, len(words) * (limit - len(bare)) // (len(ids) - len(bare)))]
            # A cut within a character leaves a sign for that, which nobody said.
            kept = self._tokenizer.decode(words, clean_up_tokenization_spaces=False).rstrip("\ufffd")
            ids = self.prompt_ids([kept])[0]
        return ids

    def answer_ids(self, feedbacks: Sequence[Feedback]) -> list[list[int]]:
        """Token ids of each feedback as the model is to write it, its end token included."""
        answers = self._verbatim_ids([render_feedback(feedback) for feedback in feedbacks]) if feedbacks else []
        return [[*answer, self.end_token_id] for answer in answers]

    def longest_answer(self, feedbacks: Sequence[Feedback]) -> int:
        """Count the tokens of the longest of `feedbacks` as the model is to write it, its end token included; 0 of none."""
        return max(map(len, self.answer_ids(feedbacks)), default=0)

    @cached_property
    def branches(self) -> Branches:
        """How each trait is asked for on its own.

        Raises:
            CannotBeAsked: the tokenizer spells scores in a way that cannot be read.
        """
        return read_branches(self._verbatim_ids)

    def encode_examples(
        self, examples: Sequence[LabelledTranscript], max_length: int, *, branched: bool = False
    ) -> list[EncodedExample]:
        """Return the chats to train on, at most `max_length` tokens each: transcripts are cut at their end, answers never.

        Args:
            branched: teach each trait on its own as well; these tokens come on top.

        Raises:
            InputError: an answer leaves no room for its prompt.
        """
        answers = self.answer_ids([example.feedback for example in examples])
        room = [max_length - len(answer) for answer in answers]
        way_on = f"train with --set max_length={2 * max_length}, or choose a --base-model that reads more"
        prompts, cut = self.encode_prompts([example.text for example in examples], room, way_on)
        if cut:
            _log.warning("%d of %d transcripts were cut to fit %d tokens", len(cut), len(examples), max_length)
        trees = [
            teach(self.branches, example.feedback, self._verbatim_ids, turn, example.expected) if branched else None
            for turn, example in enumerate(examples)
        ]
        return [
            EncodedExample(tuple(prompt), tuple(answer), tree)
            for prompt, answer, tree in zip(prompts, answers, trees, strict=True)
        ]
