"""QLoRA on a micro model: what is trained, what survives, what is reused."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from feedback_model import progress
from feedback_model.errors import Interrupted, MissingStage
from feedback_model.store.training import checkpoints_of, latest_run, read_run, steps_of
from feedback_model.training import tracking
from feedback_model.training import train as training
from feedback_model.training.checkpoints import find_checkpoint
from feedback_model.training.collate import collate
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.loading import load_model, load_tokenizer
from feedback_model.training.objective import OwnObjective
from feedback_model.training.precision import bfloat16_pays
from feedback_model.training.qlora import attach_adapters, trainable_parameters
from feedback_model.training.train import train
from feedback_model.waiting import telling_waits
from tests.micro_model import a_recipe, some_examples, store_dataset


@pytest.fixture
def adapted(micro_base):
    return attach_adapters(load_model(micro_base, quantised=True, device="cpu", in_4_bits=True), a_recipe())


@pytest.fixture
def encoded(micro_base):
    return ChatEncoder(load_tokenizer(micro_base)).encode_examples(some_examples(3), 1500)


def gradients_of(model, encoded):
    model.zero_grad()
    for example in encoded:
        OwnObjective(model.train())(collate([example], 0, "cpu")).minimised.backward()
    return [parameter.grad.clone() for parameter in trainable_parameters(model)]


def test_linear_layers_but_the_head_are_nf4(adapted):
    """Every linear layer but the head is nf4 with double quantisation."""
    from bitsandbytes.nn.modules import Linear4bit

    layers = [module for module in adapted.modules() if isinstance(module, Linear4bit)]
    assert len(layers) == 2 * 7
    assert all(layer.weight.dtype == torch.uint8 for layer in layers)
    assert all(layer.weight.quant_state.quant_type == "nf4" and layer.weight.quant_state.nested for layer in layers)


def test_only_float32_adapters_of_rank_8_train(adapted):
    """Adapters of rank 8 in float32 are all that trains."""
    names = [name for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    assert len(names) == 2 * 7 * 2
    assert all("lora_" in name for name in names)
    assert all(p.dtype == torch.float32 and 8 in p.shape for p in trainable_parameters(adapted))


def test_gradients_survive_an_evaluation(adapted, encoded):
    """Gradients are the same before and after an evaluation."""
    before = gradients_of(adapted, encoded)
    with torch.no_grad():
        batch = collate(encoded[:1], 0, "cpu")
        adapted.eval()(input_ids=batch.input_ids[:1, :1])
        adapted(input_ids=batch.input_ids)
    after = gradients_of(adapted, encoded)
    assert any(gradient.abs().max() > 0 for gradient in before)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_training_lowers_loss_and_is_recorded(store, settings, micro_base):
    """Training lowers the loss and records what it did."""
    run = train(store, settings.home, store_dataset(store), some_examples(), micro_base, a_recipe())
    steps = steps_of(store, run.run_id)
    assert [step.step for step in steps] == list(range(1, 7))
    assert steps[-1].loss < steps[0].loss
    assert [made.epoch for made in run.checkpoints] == [1, 2]
    assert run.checkpoints[1].train_loss == pytest.approx(sum(step.loss for step in steps[3:]) / 3, rel=0.02)
    assert run == read_run(store, run.run_id) == latest_run(store)


def test_float16_on_a_cpu_falls_back_openly(store, settings, micro_base):
    """A float16 request on a cpu falls back and says so."""
    train(store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    precision = latest_run(store).precision
    assert precision["requested"] == "float16"
    assert precision["used"] == ("bfloat16" if bfloat16_pays() else "float32")
    assert "no CUDA device" in precision["reason"]


def test_bfloat16_trains_on_a_cpu_when_asked(store, settings, micro_base):
    """Bfloat16 trains on a cpu where it is asked for."""
    recipe = a_recipe(epochs=1, precision="bfloat16")
    run = train(store, settings.home, store_dataset(store), some_examples(2), micro_base, recipe)
    assert run.precision == {"requested": "bfloat16", "used": "bfloat16", "reason": ""}


def test_recipe_without_augmentation_trains_on_real_examples(store, settings, micro_base):
    """A recipe without augmentation trains on what is real."""
    examples = some_examples(4)
    rewritten = [replace(example, origin="augmented") for example in examples[2:]]
    arguments = (store, settings.home, store_dataset(store))
    recipe = a_recipe(epochs=1, with_augmented=False)
    without = train(*arguments, [*examples[:2], *rewritten], micro_base, recipe)
    real = train(*arguments, examples[:2], micro_base, recipe, again=True)
    assert without.checkpoints[0].adapter_sha == real.checkpoints[0].adapter_sha
    assert without.run_id != train(*arguments, examples, micro_base, a_recipe(epochs=1)).run_id


def test_values_of_nf4_are_the_same_spelled_out(micro_base):
    """Logits of NF4 layers and of their values in ordinary layers agree to 1e-6."""
    ids = torch.arange(40).unsqueeze(0)
    with torch.no_grad():
        packed, plain = (
            load_model(micro_base, quantised=True, device="cpu", precision="float32", in_4_bits=in_4_bits)(ids).logits
            for in_4_bits in (True, False)
        )
    assert (packed - plain).abs().max() <= 1e-6


def test_the_same_run_is_reused_without_training(store, settings, micro_base, monkeypatch):
    arguments = (store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    first = train(*arguments)
    monkeypatch.delattr(training, "_train_on")
    assert train(*arguments) == replace(first, reused=True)


def test_run_without_its_checkpoint_is_trained_again(store, settings, micro_base):
    """A run whose checkpoint is gone is trained again."""
    arguments = (store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    first = train(*arguments)
    place = find_checkpoint(settings.home, first.checkpoints[0])
    place.rename(place.with_name("elsewhere"))
    assert train(*arguments) == first


def test_again_trains_from_scratch_to_the_same_weights(store, settings, micro_base):
    arguments = (store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    first = train(*arguments)
    assert train(*arguments, again=True) == first
    assert len(steps_of(store, first.run_id)) == 1


def stop_after(units):
    def listen(seen: progress.Progress) -> None:
        if seen.stage == "train" and seen.done == units:
            progress.request_stop()

    return listen


@pytest.mark.parametrize("stopped_after", [1, 3, 5])
def test_stopped_run_ends_with_the_same_weights(store, settings, micro_base, stopped_after):
    """A stopped run goes on to the same loss curve and weights."""
    recipe = a_recipe(dropout=0.1)  # so that the state of the random numbers matters
    arguments = (store_dataset(store), some_examples(), micro_base, recipe)
    undisturbed = train(store, settings.home / "undisturbed", *arguments)
    curve = steps_of(store, undisturbed.run_id)
    with progress.reporting_to(stop_after(stopped_after)), pytest.raises(Interrupted):
        train(store, settings.home / "stopped", *arguments, again=True)
    assert len(steps_of(store, undisturbed.run_id)) == stopped_after
    progress.clear_stop()
    assert train(store, settings.home / "stopped", *arguments).checkpoints == undisturbed.checkpoints
    assert steps_of(store, undisturbed.run_id) == curve


KILLED = """
import sys
from pathlib import Path
from feedback_model.records.training import BaseModel
from feedback_model.store.connection import open_store
from feedback_model.training import loop, train
from tests.micro_model import a_recipe, some_examples, store_dataset
loop.SAVE_SECONDS = 0.0
store = open_store(sys.argv[1])
base = BaseModel(sys.argv[3], sys.argv[3], sys.argv[4])
train.train(store, Path(sys.argv[2]), store_dataset(store), some_examples(), base, a_recipe(epochs=200))
"""


def test_killed_run_resumes_from_its_last_state(store, settings, micro_base):
    """A killed run goes on from its last state."""
    where = (settings.store_url, str(settings.home), micro_base.location, micro_base.revision)
    child = subprocess.Popen([sys.executable, "-c", KILLED, *where])
    dataset, recipe = store_dataset(store), a_recipe(epochs=200)
    run_id = training.run_id_of(dataset, micro_base, recipe)
    while not checkpoints_of(store, run_id) and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    done = len(steps_of(store, run_id))
    (settings.home / "checkpoints" / run_id / ".epoch-9-half-written").mkdir()
    with progress.reporting_to(stop_after(done + 1)), pytest.raises(Interrupted):
        train(store, settings.home, dataset, some_examples(), micro_base, recipe)
    assert [step.step for step in steps_of(store, run_id)] == list(range(1, done + 2))
    assert not list((settings.home / "checkpoints" / run_id).glob(".epoch-*"))


AT_ONCE = """
import sys
from pathlib import Path
from feedback_model.records.training import BaseModel
from feedback_model.store.connection import open_store
from feedback_model.training.train import train
from tests.micro_model import a_recipe, some_examples, store_dataset
store = open_store(sys.argv[1])
base = BaseModel(sys.argv[3], sys.argv[3], sys.argv[4])
print(train(store, Path(sys.argv[2]), store_dataset(store), some_examples(), base, a_recipe()).reused)
"""


def test_two_runs_at_once_train_once(store, settings, micro_base):
    where = (settings.store_url, str(settings.home), micro_base.location, micro_base.revision)
    command = [sys.executable, "-c", AT_ONCE, *where]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(child.communicate()[0].strip() for child in children) == ["False", "True"]


def test_another_training_on_the_machine_is_awaited(store, settings, micro_base):
    """A second training of real weights begins when the first is over, and says what it waits for."""
    where = (settings.store_url, str(settings.home), micro_base.location, micro_base.revision)
    dataset = store_dataset(store)
    first = subprocess.Popen([sys.executable, "-c", KILLED, *where])
    run_id = training.run_id_of(dataset, micro_base, a_recipe(epochs=200))
    while not checkpoints_of(store, run_id) and first.poll() is None:
        time.sleep(0.05)
    told = []

    def listen(wait):
        told.append(str(wait))
        first.kill()

    with telling_waits(listen):
        run = train(store, settings.home, dataset, some_examples(2), micro_base, a_recipe(epochs=1, seed=1))
    assert len(run.checkpoints) == 1
    assert first.wait() == -signal.SIGKILL
    assert told[0].startswith(f"waiting for another training on this machine (process {first.pid}: ")


def test_nothing_to_train_on_names_the_way_on(store, settings, micro_base):
    with pytest.raises(MissingStage, match="label more transcripts"):
        train(store, settings.home, store_dataset(store), [], micro_base, a_recipe())


def test_damaged_state_is_told_and_trained_anew(store, settings, micro_base, caplog):
    """A damaged state is told and training starts over."""
    arguments = (store, settings.home, store_dataset(store), some_examples(), micro_base, a_recipe(epochs=1))
    with progress.reporting_to(stop_after(2)), pytest.raises(Interrupted):
        train(*arguments)
    (state,) = (settings.home / "checkpoints").glob("*/state.safetensors")
    state.write_bytes(b"PK damaged")
    progress.clear_stop()
    run = train(*arguments)
    assert "training starts over" in caplog.text
    assert len(steps_of(store, run.run_id)) == 3


def test_unreachable_tracker_leaves_the_curve_offline(store, settings, micro_base, monkeypatch, caplog):
    """A service out of reach leaves the curve offline."""
    monkeypatch.setattr(tracking, "INIT_SECONDS", 2.0)
    for name, value in {"MODE": "online", "API_KEY": "a" * 40, "BASE_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    run = train(store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    assert "Weights & Biases failed, the work goes on" in caplog.text
    assert list(settings.home.glob(f"wandb/offline-run-*-{run.run_id}/*.wandb"))


def test_weights_that_are_replaced_are_set_aside(settings, tmp_path):
    from feedback_model.training.checkpoints import publish, set_aside_folder

    def saving(sha):
        return lambda folder: (folder / "weights").write_text(sha) and sha

    publish(settings.home, "r", 1, saving("old"), None)
    path, sha = publish(settings.home, "r", 1, saving("new"), "old")
    assert (settings.home / path / "weights").read_text() == sha == "new"
    assert (settings.home / set_aside_folder("r", 1, "old") / "weights").read_text() == "old"


def test_broken_tracker_costs_nothing(store, settings, micro_base, monkeypatch):
    """Tracking offline leaves a curve and a broken tracker costs nothing."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = train(store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    assert list(settings.home.glob(f"wandb/offline-run-*-{run.run_id}/*.wandb"))
    monkeypatch.setenv("WANDB_MODE", "no-such-mode")
    assert train(store, settings.home, store_dataset(store, "e"), some_examples(2), micro_base, a_recipe(epochs=1))
