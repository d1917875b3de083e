"""float16 as the mission says it: a gradient scaler, float32 adapters. Needs a CUDA device."""

import pytest
import torch

from feedback_model.inference.infer import model_versions, score_texts
from feedback_model.store.training import steps_of
from feedback_model.training.base_model import resolve_base
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.loading import load_model, load_tokenizer
from feedback_model.training.loop import Task, TrainingLoop
from feedback_model.training.machine_lock import sole_training
from feedback_model.training.memory_plan import MemoryPlan, plan_memory
from feedback_model.training.objective import choose_objective
from feedback_model.training.qlora import attach_adapters, trainable_parameters
from feedback_model.training.train import train
from tests.micro_model import a_recipe, save_micro_model, some_examples, store_dataset

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.fixture
def base(tmp_path, settings, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return resolve_base(str(save_micro_model(tmp_path / "base")))


def test_float16_training_lowers_loss_without_fallback(store, settings, base):
    """Float16 training lowers the loss and needs no fallback."""
    run = train(store, settings.home, store_dataset(store), some_examples(12), base, a_recipe(epochs=3))
    losses = [step.loss for step in steps_of(store, run.run_id)]
    assert run.precision == {"requested": "float16", "used": "float16", "reason": ""}
    assert run.device == "cuda"
    assert losses[-1] < losses[0]
    texts = ["one text", "another"]
    assert all(score_texts(settings.home, model, texts, 8)[0].n_tokens for model in model_versions(base, run))


def test_adapters_stay_float32_under_a_live_scaler(base):
    """Adapters and their gradients are float32 under a live scaler."""
    model = attach_adapters(load_model(base, quantised=True, device="cuda", precision="float16"), a_recipe())
    encoded = ChatEncoder(load_tokenizer(base)).encode_examples(some_examples(4), 1500)
    task = Task(model, choose_objective(model, encoded, 0.0, "cuda"), encoded, a_recipe(), "float16", "cuda")
    loop = TrainingLoop(task, MemoryPlan(2_000, checkpointing=False))
    before = [parameter.detach().clone() for parameter in trainable_parameters(model)]
    for _ in range(4):  # the scaler's first scales may overflow, which skips their updates
        loop._gradients(encoded[:2])
        loop._update(1e-2)
    assert loop.scaler.is_enabled()
    assert all(parameter.dtype == torch.float32 for parameter in trainable_parameters(model))
    assert any(not torch.equal(now, old) for now, old in zip(trainable_parameters(model), before, strict=True))


def test_rows_give_the_models_own_loss_on_a_gpu(base):
    """The fast objective is taken on a GPU, so it gave the model's own loss there."""
    model = attach_adapters(load_model(base, quantised=True, device="cuda", precision="float32"), a_recipe())
    encoded = ChatEncoder(load_tokenizer(base)).encode_examples(some_examples(4), 1500)
    objective = choose_objective(model, encoded, 0.0, "cuda")
    assert objective.packs
    assert plan_memory(model, objective, encoded, "cuda").token_budget > 0


def test_a_gpu_is_locked_by_its_own_name(tmp_path):
    """Two processes that see it under different numbers wait for each other."""
    with sole_training("cuda", tmp_path):
        names = {file.name for file in tmp_path.iterdir()}
    seen = range(torch.cuda.device_count())
    assert names == {f"training-cuda-{torch.cuda.get_device_properties(each).uuid}.lock" for each in seen}
