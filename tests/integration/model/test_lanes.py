"""Micro-batches side by side: the gradients of one after the other, the same at each run, and nothing is left at work."""

import threading
from sys import maxsize

import pytest
import torch

from feedback_model.training.lanes import MOST, Gate, Lanes, lanes_of
from feedback_model.training.loop import Task, TrainingLoop
from feedback_model.training.memory_plan import MOST_TOKENS, MemoryPlan, Needs, _divide
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

    def train(budget, lanes, in_flight=maxsize):
        for parameter, value in zip(trainable_parameters(model), start, strict=True):
            parameter.data.copy_(value)
        loop = TrainingLoop(
            Task(model, objective, examples, a_recipe(), "float32", "cpu"), MemoryPlan(budget, False, lanes, in_flight)
        )
        with loop._lanes.open(lanes):
            loss = loop._gradients(examples)
        loop._update(1e-3)
        return loss, [parameter.detach().clone() for parameter in trainable_parameters(model)]

    return train


def test_a_step_is_the_same_bit_for_bit(train_a_step, two_threads):
    """At every run, whatever may be under way together; and it is what one lane computes, but for the order of sums."""
    loss, parameters = train_a_step(50, lanes=2)
    for in_flight in (1, 80, 1_000):
        again, others = train_a_step(50, 2, in_flight)
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


def test_pieces_run_side_by_side_while_they_fit():
    """One for which there is no room waits for the others, however large it is."""
    gate, order = Gate(10), []

    def pass_through(size):
        with gate.passing(size):
            order.append(size)

    with gate.passing(6):
        pass_through(4)
        waiting = threading.Thread(target=pass_through, args=(20,))
        waiting.start()
        waiting.join(timeout=0.05)
        order.append("room")
    waiting.join()
    assert order == [4, "room", 20]


def divide(room, lengths, per_pass=0):
    """Divide `room` tokens, each of which takes a byte."""
    needs = Needs(per_token=1 / 1.35, per_pass=per_pass, once=0)
    return _divide(needs, int((room + 0.9) / 0.85), lengths, 4, "cpu", checkpointing=False)


def test_short_memory_has_fewer_lanes():
    """As many as each hold the median example; what a pass takes whatever its tokens counts for each of them."""
    assert divide(100_000, [90, 100, 200]) == MemoryPlan(MOST_TOKENS["cpu"], False, lanes=4, in_flight=100_000)
    assert divide(500, [90, 100, 200]) == MemoryPlan(125, False, lanes=4, in_flight=500)
    assert divide(250, [90, 100, 200]) == MemoryPlan(125, False, lanes=2, in_flight=250)
    assert divide(500, [90, 100, 200], per_pass=100) == MemoryPlan(150, False, lanes=2, in_flight=300)
    assert divide(250, [90, 240, 250]) == MemoryPlan(250, False, lanes=1, in_flight=250)
