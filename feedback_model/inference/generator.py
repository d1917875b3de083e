"""The interface of every generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from feedback_model.records.evaluation import FinishReason
from feedback_model.records.scores import ScoreDistribution


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a model, as it came."""

    raw: bytes
    """The decoded output in UTF-8, without its end token and otherwise untouched; empty under `direct`, which writes none."""
    finish_reason: FinishReason
    n_tokens: int
    """Tokens generated, the end token included."""
    seconds: float
    """Wall time of the batch divided by its size."""
    truncated: bool = False
    """True where the text was cut at its end to fit the model's context."""
    distributions: tuple[ScoreDistribution, ...] | None = None
    """One a trait, in their order; None under `free`, which reads none."""


class Generator(Protocol):
    """Asks one model for feedback on texts."""

    def generate(self, texts: Sequence[str]) -> list[Output]:
        """Return the outputs on one batch of `texts`, in their order."""
        ...

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each prompt, for batching texts of similar length."""
        ...
