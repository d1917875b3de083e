"""The loss of examples under a model: as the model itself computes it, and the same several times faster.

`choose_objective` takes the fast way only where it gave the model's own loss on examples of this very training.
"""
# pyright: basic

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from feedback_model.errors import CannotBeAsked
from feedback_model.records.recipe import Recipe
from feedback_model.training.attention import narrowest_window, register
from feedback_model.training.branches import ScoreSpelling, expectation
from feedback_model.training.collate import ROW_MULTIPLE, MicroBatch, TaughtScores, collate, filled_length
from feedback_model.training.encoding import ChatEncoder, EncodedExample, shared_prefix
from feedback_model.training.fused import SupervisedLoss, fuse, unfuse

_log = logging.getLogger(__name__)

AGREEMENT: Final = {torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 2e-2}
"""Relative difference of two losses by which they count as the same, by compute type."""
COMPARED: Final = 2
"""Shortest examples on which the two ways are compared, beside the longest: some models compute otherwise from a length on."""


class Loss(NamedTuple):
    """Loss of a micro-batch."""

    minimised: Tensor
    """What gradients are taken of."""
    answers: Tensor
    """Its part from the answers: the sum over their tokens, in nats; without gradient."""


class Objective(Protocol):
    """A way to compute the loss of a micro-batch."""

    prefix: int
    """Tokens that the examples of a micro-batch share."""
    packs: bool
    """Whether a micro-batch may hold more than one example."""

    def __call__(self, batch: MicroBatch) -> Loss:
        """Return what is to be made small, and the sum of the losses of all answers' tokens."""
        ...


@dataclass(frozen=True, slots=True)
class BranchLoss:
    """What branches add to the loss of the answers."""

    spelling: ScoreSpelling
    weight: float
    """Of a nat of a branch's token; one of an answer's has 1."""
    expectation_weight: float
    """Of a squared score point between the expected score and the label's (Lukasik et al. 2025, RAFT, arXiv 2403.04182)."""


def branch_loss(encoder: ChatEncoder, recipe: Recipe) -> BranchLoss | None:
    """Return what `recipe` has branches add; None where that is nothing, or the tokenizer cannot ask for a trait alone."""
    if not recipe.branch_weight and not recipe.expectation_weight:
        return None
    try:
        return BranchLoss(encoder.branches.spelling, recipe.branch_weight, recipe.expectation_weight)
    except CannotBeAsked as error:
        _log.warning("whole answers alone are taught: %s", error)
        return None


class OwnObjective:
    """The model's own forward pass on one example at a time; right for every model."""

    prefix = 0
    packs = False

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, batch: MicroBatch) -> Loss:
        """Return the sum of the losses of all supervised tokens, in nats."""
        if len(batch.segments.parts) != 1:
            raise ValueError("the model's own forward pass takes one example without branches")
        logits = self._model(input_ids=batch.input_ids, use_cache=False, logits_to_keep=batch.predicts).logits[0]
        loss = functional.cross_entropy(logits.float(), batch.targets, reduction="sum")
        return Loss(loss, loss.detach())


class SharedObjective:
    """Many examples in one row behind the prompt's beginning, by fused operations; right for most models."""

    packs = True

    def __init__(self, model: Any, prefix: int, branches: BranchLoss | None = None) -> None:
        self.prefix, self._branches = prefix, branches
        self._causal = model.get_base_model()
        self._head = self._causal.get_output_embeddings()
        self._scale = _logit_scale(self._causal.config)

    def __call__(self, batch: MicroBatch) -> Loss:
        """Return the sum of the losses of the answers' tokens, in nats, and beside it what the branches add."""
        hidden = self._causal.get_decoder()(
            input_ids=batch.input_ids, position_ids=batch.position_ids, use_cache=False, segments=batch.segments
        ).last_hidden_state[0]
        answered = len(batch.targets) - batch.branched
        answers = self._cross_entropy(hidden, batch.predicts[:answered], batch.targets[:answered])
        if self._branches is None or batch.taught_scores is None:
            return Loss(answers, answers.detach())
        spelled = self._cross_entropy(hidden, batch.predicts[answered:], batch.targets[answered:])
        apart = self._squared_errors(hidden, batch.taught_scores, self._branches.spelling)
        added = self._branches.weight * spelled + self._branches.expectation_weight * apart
        return Loss(answers + added, answers.detach())

    def _cross_entropy(self, hidden: Tensor, predicts: Tensor, targets: Tensor) -> Tensor:
        bias = getattr(self._head, "bias", None)
        return SupervisedLoss.apply(hidden[predicts], self._head.weight, bias, targets, self._scale)  # pyright: ignore[reportReturnType] - a Function returns tensors

    def _squared_errors(self, hidden: Tensor, taught: TaughtScores, spelling: ScoreSpelling) -> Tensor:
        """Sum over all scores of the squared distance between the expected score and the label's."""
        first = self._logits(hidden[taught.begun], spelling.first)
        behind = [
            self._logits(hidden[taught.behind[:, at]], spelling.second(token)) for at, token in enumerate(spelling.open)
        ]
        expected = expectation(spelling.log_probabilities(first, behind))
        return (expected - taught.scores).square().sum()

    def _logits(self, hidden: Tensor, tokens: Sequence[int]) -> Tensor:
        """(n, tokens) in float32, of some tokens alone."""
        chosen, bias = list(tokens), getattr(self._head, "bias", None)
        logits = functional.linear(hidden, self._head.weight[chosen], None if bias is None else bias[chosen])
        return logits.float() * self._scale


def _logit_scale(config: Any) -> float:
    """What a model multiplies its logits with, as Granite and Cohere do."""
    return getattr(config, "logit_scale", None) or 1 / (getattr(config, "logits_scaling", None) or 1)


def choose_objective(
    model: Any,
    examples: Sequence[EncodedExample],
    dropout: float,
    device: str,
    branches: BranchLoss | None = None,
) -> Objective:
    """Prepare `model` for the fast way if that gives its own loss on some of `examples`, else leave it as it is.

    A model whose layers do not see all of the longest of `examples` is left as it is too.

    Args:
        branches: what the branches of `examples` add; only the fast way can teach them.
    """
    causal, own = model.get_base_model(), OwnObjective(model)
    ordered = sorted(examples, key=len)
    compared = [example.without_branches() for example in (*ordered[:COMPARED], *ordered[COMPARED:][-1:])]
    model.eval()  # with dropout no two passes are alike
    with torch.no_grad():
        expected = sum(float(own(collate([example], 0, device)).answers) for example in compared)
    attention, fused = causal.config._attn_implementation, fuse(model)
    causal.set_attn_implementation(register())
    # With dropout the shared beginning would drop the same inputs for all examples of a micro-batch.
    prefix = 0 if dropout else shared_prefix([example.prompt_ids for example in examples])
    shared = SharedObjective(model, prefix, branches)
    found = _loss_or_nothing(shared, compared, device) if _sees_all(causal, examples, prefix, device) else None
    model.train()
    if found is not None and abs(found - expected) <= agreement(causal) * abs(expected):
        return shared
    _log.warning("this model computes in a way of its own, so it is trained on one example at a time, which is slower")
    unfuse(fused)
    causal.set_attn_implementation(attention)
    return own


def _sees_all(causal: Any, examples: Sequence[EncodedExample], prefix: int, device: str) -> bool:
    """Tell whether every layer sees the whole of every example, wherever in a row that will stand."""
    longest = max(filled_length(example, prefix) for example in examples) + ROW_MULTIPLE[device]
    window = narrowest_window(causal)
    return window is None or window >= longest


def _loss_or_nothing(objective: SharedObjective, examples: Sequence[EncodedExample], device: str) -> float | None:
    try:
        with torch.no_grad():
            return float(objective(collate(examples, objective.prefix, device)).answers)
    except (AttributeError, TypeError, ValueError, RuntimeError):  # whatever an unknown model's modules raise
        return None


def agreement(model: Any) -> float:
    """Return the relative difference of two losses of `model` by which they count as the same."""
    return AGREEMENT[model.get_input_embeddings().weight.dtype]
