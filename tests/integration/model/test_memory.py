"""Memory as a promise: what is planned fits, what does not fit is done in smaller pieces, and nothing else changes."""

import subprocess
import sys
from dataclasses import replace
from sys import maxsize

import pytest
import torch

from feedback_model.errors import ConfigurationError
from feedback_model.training.memory import (
    _container_room,
    free_memory,
    keep_freed_memory,
    kept_bytes,
    resident_memory,
    return_freed_memory,
)
from feedback_model.training.memory_plan import MOST_TOKENS, MemoryPlan, plan_memory
from feedback_model.training.objective import choose_objective
from feedback_model.training.qlora import trainable_parameters
from tests.integration.model.test_objective import adapted, gradients, some_encoded

MIB = 1024**2


def test_a_limit_bounds_what_is_free():
    assert free_memory("cpu", resident_memory() + 100 * MIB) <= 100 * MIB
    assert free_memory("cpu", 1) == 0


VERSIONS = {
    2: ("", "memory.max", "memory.current", "inactive_file 50\nfile 90\n"),
    1: ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "inactive_file 1\ntotal_inactive_file 50\n"),
}


def write_group(folder, version, limit, used):
    _, name_of_limit, name_of_used, statistics = VERSIONS[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name_of_limit).write_text(f"{limit}\n")
    (folder / name_of_used).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(statistics)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_containers_limit_counts(tmp_path, version):
    """Files that the system keeps while nobody asks for the memory are no memory in use."""
    write_group(tmp_path / VERSIONS[version][0], version, 1000, 400)
    assert _container_room(tmp_path, tmp_path / "absent") == [650]


@pytest.mark.parametrize("version", VERSIONS)
def test_limits_of_all_groups_above_count(tmp_path, version):
    root = tmp_path / VERSIONS[version][0]
    write_group(root, version, "max", 900)
    write_group(root / "batch", version, 800, 500)
    write_group(root / "batch" / "job", version, 600, 100)
    (tmp_path / "own").write_text(
        "9:name=systemd:/\n0::/batch/job\n" if version == 2 else "4:cpu,memory:/batch/job\n0::/\n"
    )
    assert _container_room(tmp_path, tmp_path / "own") == [550, 350]


def test_a_group_out_of_sight_leaves_the_roots_limit(tmp_path):
    write_group(tmp_path, 2, 1000, 400)
    (tmp_path / "own").write_text("0::/docker/abc\n")
    assert _container_room(tmp_path, tmp_path / "own") == [650]


def test_parameters_are_not_counted_as_activations():
    layer, rows = torch.nn.Linear(100, 50), torch.ones(7, 100)
    assert kept_bytes(lambda: layer(rows).relu()) == 4 * (7 * 100 + 7 * 50)


def test_short_memory_recomputes_with_equal_gradients():
    """Where an example does not fit, activations are computed again: the gradients are the same."""
    model, examples = adapted("Llama", num_hidden_layers=16), some_encoded(3, prefix=200)
    objective = choose_objective(model, examples, 0.0, "cpu")
    pieces = [[at] for at in range(len(examples))]
    loss, before = gradients(model, objective, pieces, examples)
    return_freed_memory()  # which planning would find free
    # Some 35 kB a token are kept: 8 MB for one example, which is three times what is left beside the fixed part.
    fixed = 12 * (128 * 97 + 4 * max(map(len, examples)) ** 2 + sum(p.numel() for p in trainable_parameters(model)))
    plan = plan_memory(model, objective, examples, "cpu", resident_memory() + int((fixed + 4 * MIB) / 0.85))
    again, after = gradients(model, objective, pieces, examples)
    assert plan.checkpointing
    assert again == pytest.approx(loss, rel=1e-6)
    for one, other in zip(after, before, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_memory_for_no_example_is_refused():
    model, examples = adapted("Llama"), some_encoded()
    objective = choose_objective(model, examples, 0.0, "cpu")
    with pytest.raises(ConfigurationError, match=r"the longest example has \d+ tokens, but .* --memory"):
        plan_memory(model, objective, examples, "cpu", limit=1)


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (MemoryPlan(200, checkpointing=False), True),
        (MemoryPlan(200, checkpointing=True), True),
        (MemoryPlan(100_000_000, checkpointing=False), False),
        (MemoryPlan(200, False, lanes=2), True),
    ],
)
def test_a_resumed_training_keeps_what_fits(before, kept):
    """Its micro-batches stay as they were, small ones too, unless memory for them is no more."""
    model, examples = adapted("Llama"), some_encoded()
    objective = choose_objective(model, examples, 0.0, "cpu")
    plan = plan_memory(model, objective, examples, "cpu", resident_memory() + 300 * MIB, 1, before)
    assert replace(plan, in_flight=maxsize) == (before if kept else MemoryPlan(MOST_TOKENS["cpu"], checkpointing=False))
    layers = [each for each in model.modules() if hasattr(each, "gradient_checkpointing")]
    assert any(each.gradient_checkpointing for each in layers) == plan.checkpointing


def test_freed_memory_is_kept_for_a_training():
    """And goes back to the system when the training is over."""
    return_freed_memory()  # what tests before this one left would be taken again
    keep_freed_memory()
    before, block = resident_memory(), bytearray(b"x") * 100_000_000
    del block
    kept = resident_memory() - before
    return_freed_memory()
    assert kept > 90_000_000
    assert resident_memory() - before < 10_000_000


STARVED = """
import resource, sys
import torch
from feedback_model.training.loop import Task, TrainingLoop
from feedback_model.training.memory_plan import MemoryPlan
from feedback_model.training.objective import choose_objective
from feedback_model.training.qlora import trainable_parameters
from tests.integration.model.test_objective import adapted, some_encoded
from tests.micro_model import a_recipe

torch.set_num_threads(1)
model, examples = adapted("Llama"), some_encoded(3_000)
objective = choose_objective(model, examples[:2], 0.0, "cpu")
task = Task(model, objective, examples, a_recipe(), "float32", "cpu")
loop = TrainingLoop(task, MemoryPlan(100_000, checkpointing=False))
size = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (size + 120 * 1024**2, -1))
loss = loop._gradients(examples)
gradients = [parameter.grad.clone() for parameter in trainable_parameters(model)]
whole = TrainingLoop(task, MemoryPlan(500, checkpointing=False))
whole.optimizer.zero_grad()
assert abs(whole._gradients(examples) - loss) < 1e-5 * loss
for one, other in zip(gradients, (parameter.grad for parameter in trainable_parameters(model))):
    assert (one - other).norm() <= 1e-5 * max(1.0, float(other.norm()))
print(loop.plan.token_budget)
"""


def test_out_of_memory_halves_and_goes_on():
    """A micro-batch that the system refuses memory for is halved until it fits, with the gradients of the whole batch."""
    done = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert int(done.stdout) < 100_000
    assert "out of memory: micro-batches are now" in done.stderr


CHECKPOINTED = """
import re
import torch
from feedback_model.training.encoding import EncodedExample
from feedback_model.training.loop import Task, TrainingLoop
from feedback_model.training.memory import keep_freed_memory, resident_memory, return_freed_memory
from feedback_model.training.memory_plan import plan_memory
from feedback_model.training.objective import choose_objective
from tests.integration.model.test_objective import adapted
from tests.micro_model import a_recipe

keep_freed_memory(False)
torch.set_num_threads(1)
size = {"num_hidden_layers": 12, "hidden_size": 256, "intermediate_size": 1024, "max_position_embeddings": 1024}
model = adapted("Llama", **size)
ids = [2 + at * 7 % 90 for at in range(704)]
examples = [EncodedExample((5 + at, *ids[:600]), tuple(ids[600:])) for at in range(2)]
objective = choose_objective(model, examples, 0.0, "cpu")
objective.prefix = 0  # each is a micro-batch of its own
return_freed_memory()
before = resident_memory()
plan = plan_memory(model, objective, examples, "cpu", before + 120 * 1024**2)
assert plan.checkpointing
loop = TrainingLoop(Task(model, objective, examples, a_recipe(), "float32", "cpu"), plan)
open("/proc/self/clear_refs", "w").write("5")  # so that the peak counts from here
loop._gradients(examples)
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
print((peak - before) // 1024**2)
"""


def test_a_checkpointed_pass_takes_what_was_planned():
    """The peak of the whole process stays below the limit that it was planned for."""
    done = subprocess.run([sys.executable, "-c", CHECKPOINTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert 20 < int(done.stdout) <= 120
