"""How a training fits into memory: tokens of a micro-batch, and whether activations are computed again going back."""
# pyright: basic

import logging
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from sys import maxsize
from typing import Any, Final

from feedback_model.errors import ConfigurationError
from feedback_model.sizes import show_size
from feedback_model.training.collate import collate
from feedback_model.training.encoding import EncodedExample
from feedback_model.training.fused import LOGIT_ROWS
from feedback_model.training.memory import bytes_of, free_memory, kept_bytes, return_free_blocks, tokens_that_fit
from feedback_model.training.objective import Objective
from feedback_model.training.qlora import trainable_parameters

_log = logging.getLogger(__name__)

MOST_TOKENS: Final = {"cpu": 1_408, "cuda": 16_384}
"""Tokens of a micro-batch at most. A GPU's cores are busy with as many; a CPU's gain little from more, which take more memory."""
_SLACK: Final = 1.1
"""What free memory changes by from one moment to the next, well within the headroom that is planned with."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How micro-batches are made. A training goes on bit for bit if all but `in_flight` stays as it is."""

    token_budget: int
    """Most tokens in a micro-batch; an example that is longer makes one of its own."""
    checkpointing: bool
    """Whether only each layer's input is kept, and the rest computed again: one more pass, for far less memory."""
    lanes: int = 1
    """Micro-batches computed side by side."""
    in_flight: int = maxsize
    """Most tokens computed at the same time; a micro-batch beyond that is computed while no other is."""

    def __str__(self) -> str:
        again = ", activations computed again" if self.checkpointing else ""
        return f"{self.lanes} x {self.token_budget:,} tokens{again}"

    def narrowed(self, longest: int) -> "MemoryPlan | None":
        """Return what to try where memory was refused to this plan; None: nothing is left to try.

        Args:
            longest: tokens of the longest example that must be computed.
        """
        if self.token_budget > longest:
            return replace(self, token_budget=max(longest, self.token_budget // 2))
        in_flight = min(self.in_flight, self.lanes * longest)
        if in_flight > longest:
            return replace(self, in_flight=max(longest, in_flight // 2))
        return None if self.checkpointing else replace(self, checkpointing=True)


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes that a training takes beside the weights."""

    per_token: float
    """Kept of each token by the forward pass."""
    per_pass: int
    """Whatever the tokens, of each micro-batch under way: logits of some rows."""
    once: int
    """Gradients and optimiser."""
    per_pair: int = 0
    """Of each two tokens of the longest example, in each micro-batch under way: one piece of attention."""
    longest: int = 0
    """Tokens of the longest example."""

    def fixed(self, lanes: int) -> int:
        """Return the bytes that are taken whatever the tokens of `lanes` micro-batches."""
        return self.once + lanes * (self.per_pass + self.per_pair * self.longest**2)

    def tokens(self, free: int, lanes: int) -> int:
        """Return how many tokens fit into `free` bytes, in all `lanes` together."""
        return tokens_that_fit(free, self.per_token, self.fixed(lanes))

    def longest_that_fits(self, free: int) -> int:
        """Return how many tokens the longest example may have to fit into `free` bytes."""
        lengths = range(1, self.longest + 1)
        return bisect_left(lengths, True, key=lambda each: replace(self, longest=each).tokens(free, 1) < each)


def plan_memory(
    model: Any,
    objective: Objective,
    examples: Sequence[EncodedExample],
    device: str,
    limit: int = 0,
    lanes: int = 1,
    before: MemoryPlan | None = None,
) -> MemoryPlan:
    """Plan the micro-batches of a training on `examples`, switching checkpointing on where the longest would not fit without.

    Args:
        limit: bytes that the process may hold in all; 0: what the machine has.
        lanes: micro-batches that are computed side by side, if there is memory for so many.
        before: the plan of a training that goes on; kept where it fits.

    Raises:
        ConfigurationError: not even one example at a time fits.
    """
    lengths = sorted(map(len, examples))
    needs = _measure(model, objective, examples, device)
    short = needs.tokens(_free(device, limit), 1) < lengths[-1]
    again = short or (before is not None and before.checkpointing)
    if again:
        checkpoint_activations(model)
        needs = _measure(model, objective, examples, device, plain=needs)
    if short:
        _log.warning("memory is short: activations are computed again, which takes one more pass")
    free = _free(device, limit)
    _demand_room(examples, needs, free)
    plan = _divide(needs, free, lengths, lanes, device, checkpointing=again)
    return plan if before is None else _kept_if_it_fits(before, plan, needs, free)


def _free(device: str, limit: int) -> int:
    return_free_blocks()  # what measuring took would count as used
    return free_memory(device, limit)


def _demand_room(examples: Sequence[EncodedExample], needs: Needs, free: int) -> None:
    """Raise where the longest example does not fit."""
    if needs.tokens(free, 1) >= needs.longest:
        return
    room = needs.longest_that_fits(free)
    most = room - max(len(example.tree) for example in examples)  # these come on top of what a recipe says
    shorter = f", or train with --set max_length={most}" if room > min(map(len, examples)) else ""
    raise ConfigurationError(
        f"the longest example has {needs.longest:,} tokens, but {show_size(free)} of free memory hold {room:,}; give more with "
        f"--memory, free some, choose a smaller --base-model{shorter}"
    )


def _divide(
    needs: Needs, free: int, lengths: Sequence[int], lanes: int, device: str, *, checkpointing: bool
) -> MemoryPlan:
    """Divide the tokens that fit among as many lanes as can each hold the median example; longer ones may have to go alone.

    Args:
        lengths: tokens of the examples, in ascending order; one of the longest fits.
    """
    median, longest = lengths[len(lengths) // 2], lengths[-1]
    while lanes > 1 and needs.tokens(free, lanes) < lanes * median:
        lanes -= 1
    room = needs.tokens(free, lanes)
    return MemoryPlan(min(room // lanes, max(longest, MOST_TOKENS[device])), checkpointing, lanes, room)


def _kept_if_it_fits(before: MemoryPlan, now: MemoryPlan, needs: Needs, free: int) -> MemoryPlan:
    """Choose between a training's plan so far and the one that would be made now."""
    kept = replace(before, in_flight=needs.tokens(free, before.lanes))
    if replace(now, in_flight=kept.in_flight) == kept:
        return now
    if kept.checkpointing == now.checkpointing and kept.token_budget <= _SLACK * needs.tokens(free, 1):
        _log.info("micro-batches stay as they were, %s, so that training goes on bit for bit; now %s fit", before, now)
        return kept
    _log.warning(
        "micro-batches of %s do not fit any more: training goes on with %s, and to weights that differ in their last bits",
        before,
        now,
    )
    return now


def checkpoint_activations(model: Any) -> None:
    """Let `model` keep only each layer's input and compute the rest again going back (Chen et al. 2016, arXiv 1604.06174)."""
    causal = model.get_base_model()
    # The newer name is not in every version that this runs on, and the older one warns.
    enable = getattr(causal, "activation_checkpointing_enable", None) or causal.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def bytes_to_train(model: Any, objective: Objective, examples: Sequence[EncodedExample], device: str) -> int:
    """Count the bytes that a training takes beside the weights, if its micro-batches hold the longest of `examples` alone."""
    needs = _measure(model, objective, examples, device)
    return bytes_of(needs.longest, needs.per_token, needs.fixed(lanes=1))


def _measure(
    model: Any, objective: Objective, examples: Sequence[EncodedExample], device: str, plain: Needs | None = None
) -> Needs:
    """Find out what a training takes, by a forward pass over the median example.

    Args:
        plain: what it takes without checkpointing, where that is on: going back, one layer at a time keeps as much as then.
    """
    median = sorted(examples, key=len)[len(examples) // 2]
    batch = collate([median], objective.prefix, device)
    per_token = kept_bytes(lambda: objective(batch).minimised) / batch.input_ids.shape[1]
    config = model.get_base_model().config.get_text_config()
    of_a_layer = plain.per_token / config.num_hidden_layers if plain else 0
    logits = LOGIT_ROWS * config.vocab_size * 12
    state = 3 * 4 * sum(parameter.numel() for parameter in trainable_parameters(model))
    longest = max(map(len, examples))
    return Needs(per_token + of_a_layer, logits, state, config.num_attention_heads * 12, longest)
