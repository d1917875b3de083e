"""Free decoding: the model writes its whole answer, greedily, token by token, as the library's `generate` does.

Chats are answered side by side. One that has ended makes room for the next, so no step waits for the longest answer.
"""
# pyright: basic

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from feedback_model.inference.forward import FusedForward
from feedback_model.inference.generator import Output
from feedback_model.inference.key_values import KeyValueCache
from feedback_model.inference.prompts import PromptReader, Prompts, causal, rows_that_fit, rows_to_read
from feedback_model.progress import check_stop

AT_ONCE: Final = {"cpu": 32, "cuda": 256}
"""Chats answered side by side: beyond that a CPU's step takes as much longer as it does more."""
REFILL: Final = 4
"""Chats that have to have ended before others take their places, since reading prompts one by one costs more."""
READ_AT_ONCE: Final = {"cpu": 8, "cuda": 64}
"""Prompts read together: of neighbours in a row that is sorted by length, so that little of them is filled up."""


@dataclass
class _Chat:
    """One answer in the making."""

    prompt: int
    answer: list[int] = field(default_factory=list[int])


class FreeGenerator:
    """Greedy decoding until the token that ends the turn."""

    def __init__(
        self,
        forward: FusedForward,
        prompts: PromptReader,
        tokenizer: Any,
        end_ids: frozenset[int],
        max_new_tokens: int,
        room: int,
    ) -> None:
        self._forward, self._prompts, self._tokenizer = forward, prompts, tokenizer
        self._end_ids, self._max_new_tokens, self._room = end_ids, max_new_tokens, room

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each prompt."""
        return [len(ids) for ids in self._prompts.encode(texts)[0]]

    @torch.inference_mode()
    def generate(self, texts: Sequence[str]) -> list[Output]:
        """Return the outputs on `texts`, in their order."""
        started = time.perf_counter()
        prompts = self._prompts.read(texts)
        answers: list[list[int]] = [[]] * len(texts)

        def keep(chat: _Chat) -> None:
            answers[chat.prompt] = chat.answer

        self._answer_all(prompts, keep)
        seconds = (time.perf_counter() - started) / len(texts)
        return [self._output(answer, seconds, at in prompts.cut) for at, answer in enumerate(answers)]

    def _answer_all(self, prompts: Prompts, keep: Callable[[_Chat], None]) -> None:
        slots = prompts.longest + self._max_new_tokens
        most = min(len(prompts.own), AT_ONCE[self._forward.device.type])
        n_rows = rows_that_fit(self._forward, slots, most, self._room)
        table = _Table(self._forward, self._forward.new_cache(n_rows, slots, prompts.prefix), prompts)
        waiting = list(range(len(prompts.own)))
        while waiting or table.busy:
            check_stop()
            if waiting and (len(table.free) >= min(REFILL, n_rows) or not table.busy):
                together = min(READ_AT_ONCE[self._forward.device.type], rows_to_read(prompts.longest))
                size = min(len(table.free), together)
                taken, waiting = waiting[:size], waiting[size:]
                self._take(table, table.seat(taken), keep)
                continue
            if not waiting and len(table.chats) <= len(table.free):
                table.shrink()
            self._take(table, table.step(), keep)

    def _take(self, table: "_Table", said: list[tuple[int, int]], keep: Callable[[_Chat], None]) -> None:
        """Add the next token of some rows to their answers, and keep those that are at their end."""
        for row, token in said:
            chat = table.chats[row]
            chat.answer.append(token)
            if token in self._end_ids or len(chat.answer) == self._max_new_tokens:
                keep(chat)
                table.leave(row)

    def _output(self, ids: list[int], seconds: float, truncated: bool) -> Output:
        ended = ids[-1] in self._end_ids
        text = self._tokenizer.decode(
            ids[:-1] if ended else ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return Output(
            text.encode("utf-8", "surrogatepass"), "stop" if ended else "length", len(ids), seconds, truncated
        )


class _Table:
    """Rows of a cache at which chats sit: each row's tokens fill its slots from the first on."""

    def __init__(self, forward: FusedForward, cache: KeyValueCache, prompts: Prompts) -> None:
        self._forward, self._cache, self._prompts = forward, cache, prompts
        self.chats: dict[int, _Chat] = {}
        self.free = list(range(len(cache.keys[0])))
        self._lengths = [0] * len(self.free)

    @property
    def busy(self) -> bool:
        """True while a chat sits at a row."""
        return bool(self.chats)

    def leave(self, row: int) -> None:
        """Let the chat at `row` go."""
        del self.chats[row]
        self.free.append(row)

    def seat(self, prompts: Sequence[int]) -> list[tuple[int, int]]:
        """Read some prompts into free rows; returns their rows and first tokens."""
        device, width = self._forward.device, max(len(self._prompts.own[each]) for each in prompts)
        ids = self._prompts.padded(prompts, width, device)
        slots = torch.arange(width, device=device).expand(len(prompts), -1)
        read = self._forward.new_cache(len(prompts), width, self._prompts.prefix)
        seen = causal(width, device).expand(len(prompts), -1, -1)
        hidden = self._forward(read, ids, slots + self._prompts.n_prefix, slots, seen)
        last = hidden[torch.arange(len(prompts), device=device), self._prompts.lengths(prompts, device) - 1]
        rows = [self.free.pop() for _ in prompts]
        for at, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
            self._lengths[row] = len(self._prompts.own[prompt])
            self._cache.copy_row(row, read, at, self._lengths[row])
            self.chats[row] = _Chat(prompt)
        return self._most_likely(rows, last)

    def step(self) -> list[tuple[int, int]]:
        """Read the last token of every chat; returns rows and next tokens.

        Rows at which nobody sits are read too, for nothing: taking the others out would copy all that they hold.
        """
        device, last = self._forward.device, self._cache.slots - 1
        slots = torch.tensor([[min(length, last)] for length in self._lengths], device=device)
        ids = torch.tensor(
            [[chat.answer[-1] if (chat := self.chats.get(row)) else 0] for row in range(len(slots))], device=device
        )
        used = max(self._lengths[row] for row in self.chats) + 1
        seen = torch.arange(used, device=device) <= slots
        seen[:, 0] = True  # also where nobody sits: a row that sees nothing has no average
        hidden = self._forward(self._cache, ids, slots + self._prompts.n_prefix, slots, seen.unsqueeze(1))
        rows = sorted(self.chats)
        for row in rows:
            self._lengths[row] += 1
        return self._most_likely(rows, hidden[rows, 0])

    def shrink(self) -> None:
        """Go on with the rows at which chats sit alone."""
        rows = sorted(self.chats)
        self._cache = self._cache.rows(torch.tensor(rows, device=self._forward.device))
        self.chats = {at: self.chats[row] for at, row in enumerate(rows)}
        self._lengths, self.free = [self._lengths[row] for row in rows], []

    def _most_likely(self, rows: Sequence[int], hidden: Tensor) -> list[tuple[int, int]]:
        return list(zip(rows, self._forward.most_likely(hidden).tolist(), strict=True))
