"""The training loop on a micro model, with objectives that go wrong."""

import pytest
import torch

from feedback_model.errors import ModelError
from feedback_model.training.loop import Task, TrainingLoop
from feedback_model.training.memory_plan import MemoryPlan
from feedback_model.training.objective import Loss, OwnObjective
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
