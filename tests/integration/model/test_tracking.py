"""What an offline run leaves is what `wandb sync` brings to the service: curve, config, adapters."""

import json
import os
import subprocess
import sys

import pytest

from feedback_model import progress
from feedback_model.errors import Interrupted
from feedback_model.records.training import EpochMeasured
from feedback_model.store.training import steps_of
from feedback_model.training.train import Means, train
from tests.micro_model import a_recipe, some_examples, store_dataset
from tests.wandb_service import WandbService, wandb_service

FOUND = EpochMeasured(n_total=8, n_valid=6, mse_penalised=3.5, mse_constant=5.0)


@pytest.fixture
def training(store, settings, micro_base, monkeypatch):
    """Trains two epochs of three steps, offline."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    arguments = (store, settings.home, store_dataset(store), some_examples(), micro_base, a_recipe())
    return lambda: train(*arguments, means=Means(after_epoch=lambda *_: FOUND))


def sync(home) -> WandbService:
    """What the service has after all offline runs under `home` were synced, the oldest first."""
    with wandb_service() as service:
        own = {"WANDB_BASE_URL": service.url, "WANDB_API_KEY": "a" * 40, "WANDB_MODE": "online"}
        folders = sorted(home.glob("wandb/offline-run-*"), key=lambda each: each.stat().st_mtime_ns)
        for folder in folders:
            command = [sys.executable, "-m", "wandb", "sync", "--yes", str(folder)]
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, **own})
    return service


def test_an_offline_run_syncs_whole(store, settings, training):
    run = training()
    seen = sync(settings.home)
    assert [row["_step"] for row in seen.history] == [1, 2, 3, 4, 5, 6]
    assert [row["loss"] for row in seen.history] == pytest.approx([each.loss for each in steps_of(store, run.run_id)])
    assert all({"learning_rate", "tokens_per_second", "peak_memory_gib"} <= row.keys() for row in seen.history)
    measured = {"validation/validity": 0.75, "validation/mse_penalised": 3.5, "validation/mse_constant": 5.0}
    for row, made in zip(seen.history[2::3], run.checkpoints, strict=True):
        assert row.items() >= {**measured, "epoch": made.epoch}.items()
        assert row["train_loss"] == pytest.approx(made.train_loss)
    known = {"dataset": run.dataset_id, "base_revision": run.base.revision, "rank": run.recipe.rank, "device": "cpu"}
    assert seen.config.items() >= {**known, "precision_used": run.precision["used"]}.items()


def test_each_epoch_syncs_its_adapter(settings, training):
    run = training()
    seen = sync(settings.home)
    assert {each["artifactCollectionName"] for each in seen.artifacts} == {f"adapter-{run.run_id}"}
    assert {each["artifactTypeName"] for each in seen.artifacts} == {"model"}
    for made, artifact in zip(run.checkpoints, seen.artifacts, strict=True):
        assert f"epoch-{made.epoch}" in [each["alias"] for each in artifact["aliases"]]
        assert json.loads(artifact["metadata"])["adapter_sha"] == made.adapter_sha
    newest = settings.home / run.checkpoints[-1].path / "adapter_model.safetensors"
    assert seen.uploads["adapter_model.safetensors"] == newest.read_bytes()


def test_a_resumed_curve_goes_on_in_order(settings, training):
    def stop(seen: progress.Progress) -> None:
        if (seen.stage, seen.done) == ("train", 4):
            progress.request_stop()

    with progress.reporting_to(stop), pytest.raises(Interrupted):
        training()
    progress.clear_stop()
    training()
    steps = [row["_step"] for row in sync(settings.home).history]
    assert steps == sorted(set(steps)) == [1, 2, 3, 4, 5, 6]
