"""A training made ready: model, adapters, encoded examples and a plan for the memory there is."""
# pyright: basic

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feedback_model.records.labels import LabelledTranscript
from feedback_model.records.training import TrainingRun, TrainingStep
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.lanes import lanes_of
from feedback_model.training.loading import load_model, load_tokenizer
from feedback_model.training.loop import Keeper, Task, TrainingLoop
from feedback_model.training.memory import keep_freed_memory
from feedback_model.training.memory_plan import MemoryPlan, checkpoint_activations, plan_memory
from feedback_model.training.objective import branch_loss, choose_objective
from feedback_model.training.orders import Order
from feedback_model.training.processes import smallest
from feedback_model.training.qlora import attach_adapters, save_adapter
from feedback_model.training.state import Position, computed_in, resume, save_state

_log = logging.getLogger(__name__)


def prepare(
    run: TrainingRun, examples: Sequence[LabelledTranscript], memory: int, state: dict[str, Any] | None
) -> tuple[TrainingLoop, int]:
    """Load everything that `run` trains and return its loop, and the tokens of the longest answer.

    Args:
        memory: bytes that this process may hold in all; 0: what the machine has.
        state: of the training that is resumed; its micro-batches are made as before where there is memory for them, so that
            it goes on bit for bit.

    Raises:
        ModelError: the base cannot be loaded.
        ConfigurationError: not even one example fits into memory.
    """
    keep_freed_memory(False)  # until it is known whether memory is short: what was kept once is used again
    tokenizer = load_tokenizer(run.base)
    base = load_model(run.base, quantised=True, device=run.device, precision=run.precision["used"], memory=memory)
    max_length = min(run.recipe.max_length, base.config.max_position_embeddings)
    encoder = ChatEncoder(tokenizer)
    branches = branch_loss(encoder, run.recipe)
    encoded = encoder.encode_examples(examples, max_length, branched=branches is not None)
    model = attach_adapters(base, run.recipe)
    objective = choose_objective(model, encoded, run.recipe.dropout, run.device, branches)
    if not objective.packs:
        encoded = [example.without_branches() for example in encoded]
    lanes = lanes_of(run.device, run.recipe.dropout)
    plan = plan_memory(model, objective, encoded, run.device, memory, lanes, _plan_before(run, state))
    plan = _agreed(plan, model)
    task = Task(model, objective, encoded, run.recipe, run.precision["used"], run.device)
    return TrainingLoop(task, plan), max(len(example.answer_ids) for example in encoded)


def _agreed(plan: MemoryPlan, model: Any) -> MemoryPlan:
    """Return a plan that all processes have, who cut the same batches: the smallest of each."""
    checkpointing = not smallest(int(not plan.checkpointing))
    if checkpointing and not plan.checkpointing:
        checkpoint_activations(model)
    return MemoryPlan(smallest(plan.token_budget), checkpointing, smallest(plan.lanes), smallest(plan.in_flight))


class HereTrained:
    """A training in this process: what it found out before its first step, and what can be written of it."""

    def __init__(self, order: Order, state: dict[str, Any] | None) -> None:
        """Load everything; `state` is that of the training which is resumed, if one is. Raises what `prepare` raises."""
        self._loop, self.longest_answer = prepare(order.run, order.examples, order.memory, state)
        self._state = state
        self.n_steps, self.token_budget = self._loop.n_steps, self._loop.plan.token_budget

    def follow(self, keeper: Keeper) -> None:
        """Train to the end; raises what the loop raises."""
        self._loop.run(resume(self._state, self._loop), keeper)

    def save_state(self, file: Path, position: Position, begun: str) -> None:
        """Write everything the next step depends on to `file`, as of the training that began then."""
        save_state(file, position, self._loop, begun)

    def save_adapter(self, folder: Path) -> str:
        """Write the adapter into `folder` and return the hash of its weights."""
        return save_adapter(self._loop.model, folder)


class KeepsNothing:
    """Keeper of a process that only computes."""

    def step_done(self, step: TrainingStep) -> None:
        """Leave it to the first process."""

    def save(self, position: Position) -> None:
        """Leave it to the first process."""

    def epoch_done(self, epoch: int, train_loss: float | None) -> None:
        """Leave it to the first process."""


def _plan_before(run: TrainingRun, state: dict[str, Any] | None) -> MemoryPlan | None:
    """Return the plan that a resumed training goes on with; None where nothing was computed by it, or elsewhere."""
    if state is None or "plan" not in state or not state["position"]["step"]:
        return None
    before, now = computed_in(state, run.precision["used"]), (run.device, run.precision["used"])
    if before == now:
        return MemoryPlan(**state["plan"])
    _log.warning(
        "training was begun on %s in %s and goes on on %s in %s: from here on its weights differ in their last bits from what "
        "they would have been",
        *before,
        *now,
    )
    return None
