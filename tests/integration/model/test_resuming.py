"""Training that goes on under other circumstances: less memory, more of it, another device, a state of an earlier version."""

from dataclasses import asdict, replace

import pytest
import torch

from feedback_model.records.training import TrainingRun
from feedback_model.training.memory_plan import MemoryPlan
from feedback_model.training.prepare import prepare
from feedback_model.training.state import Position, read_state, resume, save_state
from tests.micro_model import a_recipe, some_examples

SMALL = MemoryPlan(token_budget=3, checkpointing=True)
FLOAT32 = {"requested": "float32", "used": "float32", "reason": ""}
SCALER = {"scale": 512.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 9, "_growth_tracker": 0}


@pytest.fixture
def run(micro_base):
    return TrainingRun("r" * 32, "d" * 32, micro_base, a_recipe(precision="float32"), FLOAT32, "cpu", "", ())


@pytest.fixture
def saved(run, tmp_path):
    """Saves the state of a training after some steps, and reads it."""

    def save(plan=None, step=2):
        loop, _ = prepare(run, some_examples(), 0, None)
        loop.plan = plan or loop.plan
        save_state(tmp_path / "state.safetensors", Position(batch=step, step=step), loop)
        return read_state(tmp_path / "state.safetensors")

    return save


def test_a_small_plan_is_kept_openly(run, saved, caplog):
    """A training that began with little memory goes on with as little, bit for bit, and says so."""
    caplog.set_level("INFO")
    loop, _ = prepare(run, some_examples(), 0, saved(SMALL))
    assert replace(loop.plan, in_flight=SMALL.in_flight) == SMALL
    assert "so that training goes on bit for bit" in caplog.text


def test_before_the_first_step_memory_is_planned_anew(run, saved):
    """Nothing was computed by the old plan, and it may be what the training was killed for."""
    loop, _ = prepare(run, some_examples(), 0, saved(SMALL, step=0))
    assert not loop.plan.checkpointing
    assert loop.plan.token_budget > SMALL.token_budget


def test_a_training_goes_on_on_another_device(run, saved, caplog):
    """Of a GPU's training the weights are taken, neither its micro-batches nor what scaled its gradients."""
    elsewhere = {"device": "cuda", "precision": "float16", "plan": asdict(MemoryPlan(16_384, False)), "scaler": SCALER}
    state = saved() | elsewhere
    loop, _ = prepare(run, some_examples(), 0, state)
    assert loop.plan.token_budget < 16_384
    assert resume(state, loop).step == 2
    assert "begun on cuda in float16 and goes on on cpu in float32" in caplog.text


def test_gradients_are_scaled_afresh_where_nothing_was(run, saved):
    """As where a training in float32 goes on in float16."""
    loop, _ = prepare(run, some_examples(), 0, None)
    loop.scaler = torch.amp.GradScaler("cpu", enabled=True)
    assert resume(saved(), loop).step == 2
    assert loop.scaler.get_scale() > 1


@pytest.mark.parametrize("absent", [{"device", "precision"}, {"device", "precision", "plan"}])
def test_a_state_of_an_earlier_version_resumes(run, saved, absent):
    state = {name: value for name, value in saved(replace(SMALL, checkpointing=False)).items() if name not in absent}
    loop, _ = prepare(run, some_examples(), 0, state)
    assert resume(state, loop).step == 2
    assert (loop.plan.token_budget == SMALL.token_budget) == ("plan" not in absent)
