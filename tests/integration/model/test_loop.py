"""The training loop on a micro model, with objectives that go wrong."""

import pytest
import torch
from torch import distributed, multiprocessing

from feedback_model.errors import ModelError
from feedback_model.training.loop import Task, TrainingLoop
from feedback_model.training.memory_plan import MemoryPlan
from feedback_model.training.objective import Loss, OwnObjective, choose_objective
from feedback_model.training.processes import join_group
from feedback_model.training.qlora import trainable_parameters
from feedback_model.training.state import Position
from tests.integration.model.test_objective import adapted, some_encoded
from tests.micro_model import a_recipe


class Keeps:
    """Keeper that counts epochs alone."""

    epochs = 0

    def step_done(self, step):
        pass

    def save(self, position):
        pass

    def epoch_done(self, epoch, train_loss):
        self.epochs += 1


class Poisoned(OwnObjective):
    """Whose gradient is no number on the last step, while the answers' loss is."""

    calls = 0

    def __call__(self, batch):
        self.calls += 1
        loss = super().__call__(batch)
        return Loss(loss.minimised * float("nan"), loss.answers) if self.calls == 2 else loss


class Refused:
    """An objective to which memory is refused unless `fits` says of a micro-batch that it may be computed."""

    def __init__(self, objective, fits):
        self.prefix, self.packs = objective.prefix, objective.packs
        self._objective, self._fits = objective, fits

    def __call__(self, batch):
        if not self._fits(batch):
            raise MemoryError
        return self._objective(batch)


PLAN = MemoryPlan(64, checkpointing=False)


def a_loop(model, objective, examples, plan=PLAN):
    recipe = a_recipe(epochs=1, batch_size=2)
    return TrainingLoop(Task(model, objective, examples, recipe, "float32", "cpu"), plan)


def test_gradient_that_is_nan_is_never_applied():
    model, keeper = adapted("Llama"), Keeps()
    loop = a_loop(model, Poisoned(model), some_encoded(2))
    with pytest.raises(ModelError, match=r"the gradient's norm is nan at step 1 of epoch 1; .*--set learning_rate="):
        loop.run(Position(), keeper)
    assert not keeper.epochs
    assert all(torch.isfinite(parameter).all() for parameter in trainable_parameters(model))


@pytest.fixture
def trained():
    """A model, an objective for it, examples, and the loss that it has on them."""
    model, examples = adapted("Llama"), some_encoded(6)
    objective = choose_objective(model, examples, 0.0, "cpu")
    return model, objective, examples, a_loop(model, objective, examples)._gradients(examples)


def test_activations_are_recomputed_before_giving_up(trained):
    """Memory that is refused to every single example while activations are kept ends no training."""
    model, objective, examples, loss = trained
    checkpointed = lambda _: any(getattr(each, "gradient_checkpointing", False) for each in model.modules())  # noqa: E731
    loop = a_loop(model, Refused(objective, checkpointed), examples, MemoryPlan(1_000, False, lanes=2))
    assert loop._gradients(examples) == pytest.approx(loss, rel=1e-5)
    assert loop.plan.checkpointing


def test_an_example_that_never_fits_is_told(trained):
    model, objective, examples, _ = trained
    loop = a_loop(model, Refused(objective, lambda _: False), examples)
    with pytest.raises(ModelError, match=r"an example of \d+ tokens does not fit into memory.*--set max_length="):
        loop._gradients(examples)


def cut_together(number, folder):
    """Compute a step where memory is refused to one process alone, and note with which plan it was done."""
    join_group(number, 2, folder / "meeting")
    model, examples = adapted("Llama"), some_encoded(6)
    objective = choose_objective(model, examples, 0.0, "cpu")
    fits = lambda batch: number == 0 or batch.input_ids.shape[1] <= 64  # noqa: E731
    loop = a_loop(model, Refused(objective, fits), examples, MemoryPlan(1_000, checkpointing=False))
    loss = loop._gradients(examples)
    (folder / f"{number}").write_text(f"{loop.plan.token_budget} {loss:.4f}")
    distributed.barrier()
    distributed.destroy_process_group()


def test_processes_cut_smaller_together(tmp_path, trained):
    """Memory refused to one of two has both go on, with the same micro-batches and the loss of one alone."""
    multiprocessing.spawn(cut_together, (tmp_path,), nprocs=2)
    first, second = ((tmp_path / name).read_text() for name in "01")
    assert first == second
    assert int(first.split()[0]) < 1_000
    assert float(first.split()[1]) == pytest.approx(trained[3], rel=1e-4)
