"""Direct decoding: the distributions of all six scores from one pass over each prompt, and no text.

Six short branches behind the prompt begin an answer with one trait each; where a score follows, its distribution is read off.
"""
# pyright: basic

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from feedback_model.inference.forward import FusedForward
from feedback_model.inference.generator import Output
from feedback_model.inference.key_values import KeyValueCache
from feedback_model.inference.prompts import PromptReader, Prompts, causal, rows_to_read
from feedback_model.progress import check_stop
from feedback_model.records.scores import ScoreDistribution
from feedback_model.training.branches import AskedTree, Branches, ancestors


@dataclass(frozen=True, slots=True)
class ReadScores:
    """Scores of some prompts, and what a decoder needs to go on behind them."""

    probabilities: Tensor
    """(rows, traits, 10)"""
    cache: KeyValueCache
    lengths: Tensor
    """(rows,) own tokens of each prompt; they stand in the first slots."""
    asked_at: int
    """Slot of the tree's first token, the same in every row."""


class ScoreReader:
    """Reads the score distributions of prompts."""

    def __init__(self, forward: FusedForward, branches: Branches) -> None:
        self._forward, self._spelling = forward, branches.spelling
        self.asked: AskedTree = branches.ask()
        self._seen = ancestors(self.asked.tree.parents).to(forward.device)
        self._depths = torch.tensor(self.asked.tree.depths, device=forward.device)
        self._ids = torch.tensor(self.asked.tree.ids, device=forward.device)

    def read(self, prompts: Prompts, rows: Sequence[int], spare: int = 0) -> ReadScores:
        """Return the scores of some prompts.

        Args:
            spare: slots to keep free in every row for what is decoded behind.
        """
        device, width = self._forward.device, max(len(prompts.own[row]) for row in rows)
        lengths = prompts.lengths(rows, device)
        ids = torch.cat([prompts.padded(rows, width, device), self._ids.expand(len(rows), -1)], 1)
        slots = torch.arange(ids.shape[1], device=device).expand(len(rows), -1)
        positions = slots.clone()
        positions[:, width:] = lengths.unsqueeze(1) + self._depths
        cache = self._forward.new_cache(len(rows), ids.shape[1] + spare, prompts.prefix)
        hidden = self._forward(cache, ids, positions + prompts.n_prefix, slots, self._visible(lengths, width))
        return ReadScores(self._probabilities(hidden[:, width:]), cache, lengths, width)

    def _visible(self, lengths: Tensor, width: int) -> Tensor:
        """(rows, width + tree, width + tree): prompts see what is before, branches their prompt and their ancestors."""
        n = width + len(self._ids)
        seen = torch.zeros(len(lengths), n, n, dtype=torch.bool, device=lengths.device)
        seen[:, :width, :width] = causal(width, lengths.device)
        seen[:, width:, :width] = (torch.arange(width, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(1)
        seen[:, width:, width:] = self._seen
        return seen

    def _probabilities(self, hidden: Tensor) -> Tensor:
        """(rows, traits, 10) of the tree's states (rows, tree, hidden size)."""
        size, spelling = hidden.shape[-1], self._spelling
        begun = hidden[:, list(self.asked.begun)].reshape(-1, size)
        first = self._forward.logits_of(begun, torch.tensor(spelling.first, device=hidden.device))
        second = [
            self._forward.logits_of(
                hidden[:, [each[at] for each in self.asked.behind]].reshape(-1, size),
                torch.tensor(spelling.second(token), device=hidden.device),
            )
            for at, token in enumerate(spelling.open)
        ]
        return spelling.log_probabilities(first, second).exp().view(len(hidden), len(self.asked.begun), -1)


def as_distributions(probabilities: Tensor) -> tuple[ScoreDistribution, ...]:
    """One distribution a trait, of (traits, 10)."""
    return tuple(ScoreDistribution(tuple(row)) for row in probabilities.double().tolist())


class DirectGenerator:
    """Asks one model for its score distributions."""

    def __init__(self, prompts: PromptReader, scores: ScoreReader) -> None:
        self._prompts, self._scores = prompts, scores

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each prompt."""
        return [len(ids) for ids in self._prompts.encode(texts)[0]]

    @torch.inference_mode()
    def generate(self, texts: Sequence[str]) -> list[Output]:
        """Return the distributions of `texts`, in their order."""
        started = time.perf_counter()
        prompts = self._prompts.read(texts)
        at_once = rows_to_read(prompts.longest + len(self._scores.asked.tree))
        found: list[tuple[ScoreDistribution, ...]] = []
        for start in range(0, len(texts), at_once):
            check_stop()
            rows = range(start, min(start + at_once, len(texts)))
            found += map(as_distributions, self._scores.read(prompts, rows).probabilities)
        seconds = (time.perf_counter() - started) / len(texts)
        return [Output(b"", "stop", 0, seconds, at in prompts.cut, each) for at, each in enumerate(found)]
