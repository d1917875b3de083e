"""Prompts as the decoders read them: own tokens of each transcript behind the beginning that all prompts share."""
# pyright: basic

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from feedback_model.inference.forward import FusedForward, read_prefix
from feedback_model.inference.key_values import KeyValueCache
from feedback_model.training.encoding import LONGEST_PROMPT, ChatEncoder, shared_prefix

TOKENS_AT_ONCE: Final = 4_096
"""Tokens of one pass, beyond which a device gains nothing and memory grows."""
_PROBES: Final = ("a", "Z")
"""Transcripts that share nothing, so that what their prompts share is the prompt's own."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts about some transcripts, split into the shared beginning and the rest."""

    prefix: KeyValueCache | None
    n_prefix: int
    own: list[list[int]]
    """Tokens behind the beginning, at least one each."""
    cut: frozenset[int]
    """Transcripts that were cut, since they were too long."""

    @property
    def longest(self) -> int:
        """Tokens of the longest rest."""
        return max(map(len, self.own))

    def padded(self, rows: Sequence[int], width: int, device: torch.device) -> Tensor:
        """(rows, width) own tokens of some prompts, filled up at their ends, where no token looks."""
        return torch.tensor([self.own[row] + [0] * (width - len(self.own[row])) for row in rows], device=device)

    def lengths(self, rows: Sequence[int], device: torch.device) -> Tensor:
        """(rows,) own tokens of some prompts."""
        return torch.tensor([len(self.own[row]) for row in rows], device=device)


class PromptReader:
    """Turns transcripts into prompts, for any number of threads; the beginning that all share is read once and kept."""

    def __init__(self, forward: FusedForward, encoder: ChatEncoder, context: int, max_new_tokens: int) -> None:
        self._forward, self._encoder = forward, encoder
        self._room, self._limit = min(context - max_new_tokens, LONGEST_PROMPT), max_new_tokens
        self._known: dict[tuple[int, ...], KeyValueCache | None] = {}
        self._one_look = threading.Lock()

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], frozenset[int]]:
        """Token ids of the prompt about each transcript, and which of these had to be cut."""
        way_on = f"allow fewer than {self._limit} new tokens with --max-new-tokens or FEEDBACK_MAX_NEW_TOKENS"
        return self._encoder.encode_prompts(texts, [self._room] * len(texts), way_on)

    def read(self, texts: Sequence[str]) -> Prompts:
        """Return the prompts about `texts`."""
        encoded, cut = self.encode(texts)
        probes = self._encoder.prompt_ids(_PROBES)
        n_prefix = shared_prefix([*encoded, *probes])
        prefix = self._beginning(tuple(encoded[0][:n_prefix]))
        return Prompts(prefix, n_prefix, [ids[n_prefix:] for ids in encoded], cut)

    def _beginning(self, ids: tuple[int, ...]) -> KeyValueCache | None:
        with self._one_look:
            if ids not in self._known:
                self._known = {ids: read_prefix(self._forward, ids)}
            return self._known[ids]


def causal(width: int, device: Any) -> Tensor:
    """(width, width) of a chain: which token sees which."""
    return torch.ones(width, width, dtype=torch.bool, device=device).tril()


def rows_to_read(width: int) -> int:
    """Prompts of `width` tokens that are read in one pass: what attention weighs and layers hold of them takes memory, too."""
    return max(1, TOKENS_AT_ONCE // width)


def rows_that_fit(forward: FusedForward, slots: int, most: int, room: int) -> int:
    """Chats whose keys and values fit into `room` bytes, from 1 to `most`."""
    return max(1, min(most, room // (slots * forward.bytes_per_slot)))
