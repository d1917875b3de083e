"""Micro-batches side by side: the gradients of one after the other, the same at each run, and nothing is left at work."""

import threading
from functools import partial

import pytest
import torch

from feedback_model.training.lanes import MOST, Lanes, lanes_of
from feedback_model.training.loop import Task, TrainingLoop
from feedback_model.training.memory_plan import MOST_TOKENS, MemoryPlan, _divide
from feedback_model.training.objective import choose_objective
from feedback_model.training.qlora import trainable_parameters
from tests.integration.model.test_objective import adapted, some_encoded
from tests.micro_model import a_recipe


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train_a_step():
    """Trains a model a step, and gives its loss and parameters."""
    model, examples = adapted("Llama"), some_encoded(8)
    objective = choose_objective(model, examples, 0.0, "cpu")
    start = [parameter.detach().clone() for parameter in trainable_parameters(model)]

    def train(budget, lanes):
        for parameter, value in zip(trainable_parameters(model), start, strict=True):
            parameter.data.copy_(value)
        loop = TrainingLoop(
            Task(model, objective, examples, a_recipe(), "float32", "cpu"), MemoryPlan(budget, False, lanes)
        )
        with loop._lanes.open(lanes):
            loss = loop._gradients(examples)
        loop._update(1e-3)
        return loss, [parameter.detach().clone() for parameter in trainable_parameters(model)]

    return train


def test_a_step_is_the_same_bit_for_bit(train_a_step, two_threads):
    """At every run; and it is what one lane computes, but for the order of sums."""
    loss, parameters = train_a_step(50, lanes=2)
    for _ in range(3):
        again, others = train_a_step(50, lanes=2)
        assert again == loss
        assert all(map(torch.equal, parameters, others))
    alone, others = train_a_step(1_000, lanes=1)
    assert alone == pytest.approx(loss, rel=1e-5)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(parameters, others, strict=True))


def test_lanes_share_the_threads(two_threads):
    lanes, seen = Lanes(), threading.Barrier(2)
    with lanes.open(2):
        counts = list(lanes.compute(lambda _: (seen.wait(), torch.get_num_threads())[1], range(2)))
    assert counts == [1, 1]
    assert torch.get_num_threads() == 2


def test_nothing_is_at_work_after_an_error(two_threads):
    lanes, begun, ended = Lanes(), threading.Event(), []

    def compute(piece):
        if piece == 0:
            begun.wait()
            raise MemoryError
        begun.set()
        ended.append(piece)

    with lanes.open(2), pytest.raises(MemoryError):
        list(lanes.compute(compute, range(2)))
    assert ended == [1]


def test_a_gpu_and_dropout_have_one_lane(two_threads):
    assert lanes_of("cpu", 0.0) == 2 <= MOST
    assert lanes_of("cuda", 0.0) == lanes_of("cpu", 0.1) == 1


def test_short_memory_has_fewer_lanes():
    """As many as each hold the longest example."""
    divide = partial(_divide, longest=200, lanes=4, device="cpu", checkpointing=False)
    assert divide(100_000) == MemoryPlan(MOST_TOKENS["cpu"], False, lanes=4)
    assert divide(500) == MemoryPlan(250, False, lanes=2)
    assert divide(250) == MemoryPlan(250, False, lanes=1)
