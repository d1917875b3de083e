"""How a training fits into memory: tokens of a micro-batch, and whether activations are computed again going back."""
# pyright: basic

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from feedback_model.errors import ConfigurationError
from feedback_model.sizes import show_size
from feedback_model.training.collate import collate
from feedback_model.training.encoding import EncodedExample
from feedback_model.training.fused import LOGIT_ROWS
from feedback_model.training.memory import bytes_of, free_memory, kept_bytes, tokens_that_fit
from feedback_model.training.objective import Objective
from feedback_model.training.qlora import trainable_parameters

_log = logging.getLogger(__name__)

MOST_TOKENS: Final = {"cpu": 1_408, "cuda": 16_384}
"""Tokens of a micro-batch at most. A GPU's cores are busy with as many; a CPU's gain little from more, which take more memory."""
_SLACK: Final = 1.1
"""What free memory changes by from one moment to the next, well within the headroom that is planned with."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How micro-batches are made."""

    token_budget: int
    """Most tokens in a micro-batch."""
    checkpointing: bool
    """Whether only each layer's input is kept, and the rest computed again: one more pass, for far less memory."""
    lanes: int = 1
    """Micro-batches computed side by side."""

    def __str__(self) -> str:
        again = ", activations computed again" if self.checkpointing else ""
        return f"{self.lanes} x {self.token_budget:,} tokens at a time{again}"


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
    plan = _plan_now(model, objective, examples, device, limit, lanes)
    if before is None or before == plan:
        return plan
    if before.checkpointing and not plan.checkpointing:
        checkpoint_activations(model)
    return _kept_if_it_fits(before, plan, _room(model, objective, examples, device, limit))


def _plan_now(
    model: Any, objective: Objective, examples: Sequence[EncodedExample], device: str, limit: int, lanes: int
) -> MemoryPlan:
    longest = max(map(len, examples))
    room = _room(model, objective, examples, device, limit)
    if room >= longest:
        return _divide(room, longest, lanes, device, checkpointing=False)
    checkpoint_activations(model)
    room = _room(model, objective, examples, device, limit)
    if room < longest:
        shorter = f", or train with --set max_length={room}" if room > min(map(len, examples)) else ""
        raise ConfigurationError(
            f"the longest example has {longest:,} tokens, but {show_size(free_memory(device, limit))} of free memory hold "
            f"{room:,}; give more with --memory, free some, choose a smaller --base-model{shorter}"
        )
    _log.warning("memory is short: activations are computed again, which takes one more pass")
    return _divide(room, longest, lanes, device, checkpointing=True)


def _divide(room: int, longest: int, lanes: int, device: str, *, checkpointing: bool) -> MemoryPlan:
    """Divide the tokens that fit among as many lanes as can each hold the longest example."""
    lanes = max(1, min(lanes, room // longest))
    return MemoryPlan(max(longest, min(room // lanes, MOST_TOKENS[device])), checkpointing, lanes)


def _kept_if_it_fits(before: MemoryPlan, now: MemoryPlan, room: int) -> MemoryPlan:
    """Choose between a training's plan so far and the one that would be made now.

    Args:
        room: tokens that fit, with checkpointing where either of the two has it.
    """
    if before.checkpointing >= now.checkpointing and before.lanes * before.token_budget <= _SLACK * room:
        _log.info("micro-batches stay as they were, %s, so that training goes on bit for bit; now %s fit", before, now)
        return before
    _log.warning(
        "micro-batches of %s do not fit any more: training goes on with %s, and to weights that differ in their last bits",
        before,
        now,
    )
    return replace(now, checkpointing=before.checkpointing or now.checkpointing)


def checkpoint_activations(model: Any) -> None:
    """Let `model` keep only each layer's input and compute the rest again going back (Chen et al. 2016, arXiv 1604.06174)."""
    causal = model.get_base_model()
    # The newer name is not in every version that this runs on, and the older one warns.
    enable = getattr(causal, "activation_checkpointing_enable", None) or causal.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def bytes_to_train(model: Any, objective: Objective, examples: Sequence[EncodedExample], device: str) -> int:
    """Count the bytes that a training takes beside the weights, if its micro-batches hold the longest of `examples` alone."""
    longest = max(map(len, examples))
    return bytes_of(longest, _bytes_per_token(objective, examples, device), _fixed_bytes(model, longest))


def _room(model: Any, objective: Objective, examples: Sequence[EncodedExample], device: str, limit: int) -> int:
    """Tokens that fit into what is free."""
    per_token = _bytes_per_token(objective, examples, device)
    return tokens_that_fit(free_memory(device, limit), per_token, _fixed_bytes(model, max(map(len, examples))))


def _bytes_per_token(objective: Objective, examples: Sequence[EncodedExample], device: str) -> float:
    """Bytes that a forward pass keeps of a token, judged by the median example."""
    median = sorted(examples, key=len)[len(examples) // 2]
    batch = collate([median], objective.prefix, device)
    return kept_bytes(lambda: objective(batch).minimised) / batch.input_ids.shape[1]


def _fixed_bytes(model: Any, longest: int) -> int:
    """Bytes that a pass takes whatever its length: logits of some rows, one piece of attention, gradients and optimiser."""
    config = model.get_base_model().config.get_text_config()
    logits = LOGIT_ROWS * config.vocab_size * 12
    attention = config.num_attention_heads * longest * longest * 12
    state = 3 * 4 * sum(parameter.numel() for parameter in trainable_parameters(model))
    return logits + attention + state
