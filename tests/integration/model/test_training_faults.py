"""Several processes and small disks: what a training makes of a process that dies and of a disk that is full."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from feedback_model import progress
from feedback_model.errors import ConfigurationError, Interrupted, ModelError
from feedback_model.records.training import run_id_of
from feedback_model.store.training import checkpoints_of, steps_of
from feedback_model.training.base_model import resolve_base
from feedback_model.training.checkpoints import WEIGHTS_FILE
from feedback_model.training.loading import load_model
from feedback_model.training.train import Means, train
from tests.integration.model.test_training import KILLED, stop_after
from tests.local_service import eventually
from tests.micro_model import a_recipe, some_examples, store_dataset

TOGETHER = Means(processes=2)


def test_two_processes_give_the_curve_of_one(store, settings, micro_base):
    """Two processes that share each batch have the loss curve and the weights of one, and leave one set of checkpoints."""
    recipe = a_recipe(precision="float32", batch_size=3)
    arguments = (store_dataset(store), some_examples(), micro_base, recipe)
    alone = train(store, settings.home / "alone", *arguments)
    curve = [step.loss for step in steps_of(store, alone.run_id)]
    together = train(store, settings.home / "together", *arguments, again=True, means=TOGETHER)
    assert [step.loss for step in steps_of(store, together.run_id)] == pytest.approx(curve, rel=1e-5)
    for one, two in zip(alone.checkpoints, together.checkpoints, strict=True):
        torch.testing.assert_close(
            load_file(settings.home / "alone" / one.path / WEIGHTS_FILE),
            load_file(settings.home / "together" / two.path / WEIGHTS_FILE),
            rtol=1e-3,
            atol=1e-4,
        )


def test_a_process_that_dies_is_told(store, settings, micro_base):
    """The death of one of two processes ends the training with a sentence, and another number of them goes on."""
    arguments = (store, settings.home, store_dataset(store), some_examples(), micro_base, a_recipe(epochs=200))

    def kill_second(seen: progress.Progress) -> None:
        if seen.stage == "train" and seen.done == 4:
            os.kill(rank_process(1), signal.SIGKILL)

    with progress.reporting_to(kill_second), pytest.raises(ModelError, match="one of the 2 training processes ended"):
        train(*arguments, means=TOGETHER)
    run_id = run_id_of(arguments[2], micro_base, arguments[-1])
    done = len(steps_of(store, run_id))
    with progress.reporting_to(stop_after(done + 3)), pytest.raises(Interrupted):
        train(*arguments)
    assert [step.step for step in steps_of(store, run_id)] == list(range(1, done + 4))


def rank_process(rank):
    """The process that torchrun started for this rank of the training of this process."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            told, command = environment.read_bytes().split(b"\0"), environment.with_name("cmdline").read_bytes()
            is_ours = f"OF_TEST={os.getpid()}".encode() in told
            if is_ours and f"RANK={rank}".encode() in told and b"feedback_model.training.rank" in command:
                return int(environment.parent.name)
    raise AssertionError("there is no such process")


@pytest.fixture(autouse=True)
def _marked(monkeypatch):
    monkeypatch.setenv("OF_TEST", str(os.getpid()))


def test_processes_end_with_who_started_them(store, settings, micro_base):
    """However that ends, and they are two sessions away from it."""
    where = (settings.store_url, str(settings.home), micro_base.location, micro_base.revision)
    code = KILLED.replace("epochs=200)", "epochs=200), means=train.Means(processes=2)")
    dataset, recipe = store_dataset(store), a_recipe(epochs=200)
    with subprocess.Popen([sys.executable, "-c", code, *where]) as starter:
        eventually(lambda: checkpoints_of(store, run_id_of(dataset, micro_base, recipe)))
        ranks = [rank_process(rank) for rank in (0, 1)]
        starter.kill()
    eventually(lambda: not any(Path(f"/proc/{rank}").exists() for rank in ranks))


def test_processes_stop_on_request_and_go_on(store, settings, micro_base):
    """What they have done is kept, and as many as before go on to the same weights, bit for bit."""
    recipe = a_recipe(precision="float32", dropout=0.1, epochs=3)
    arguments = (store_dataset(store), some_examples(), micro_base, recipe)
    undisturbed = train(store, settings.home / "undisturbed", *arguments, means=TOGETHER)
    curve = steps_of(store, undisturbed.run_id)
    with progress.reporting_to(stop_after(2)), pytest.raises(Interrupted):
        train(store, settings.home / "stopped", *arguments, again=True, means=TOGETHER)
    progress.clear_stop()
    assert len(steps_of(store, undisturbed.run_id)) < len(curve)
    assert train(store, settings.home / "stopped", *arguments, means=TOGETHER).checkpoints == undisturbed.checkpoints
    assert steps_of(store, undisturbed.run_id) == curve


def test_an_error_of_one_process_is_told(store, settings, micro_base, tmp_path):
    gone = replace(micro_base, location=str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"^the base model .* could not be loaded") as told:
        train(store, settings.home, store_dataset(store), some_examples(), gone, a_recipe(), means=TOGETHER)
    assert "processes" not in str(told.value)


@pytest.fixture
def small_disk(settings):
    """Put a disk of 200 kB where checkpoints go."""
    place = settings.home / "checkpoints"
    place.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_full_disk_at_a_checkpoint_loses_nothing(store, settings, micro_base, small_disk):
    """A full disk ends the training in a sentence; with room again it goes on and ends with the same weights."""
    arguments = (store_dataset(store), some_examples(), micro_base, a_recipe(rank=16, epochs=6))
    with pytest.raises(
        ConfigurationError, match=r"checkpoints cannot be written under .*No space left on device.*make room"
    ):
        train(store, settings.home, *arguments)
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    run = train(store, settings.home, *arguments)
    assert run.checkpoints == train(store, settings.home / "elsewhere", *arguments, again=True).checkpoints


def test_a_home_that_cannot_hold_checkpoints_is_told(store, settings, micro_base):
    (settings.home / "checkpoints").write_text("a file where a folder should be")
    with pytest.raises(ConfigurationError, match="checkpoints cannot be written under"):
        train(store, settings.home, store_dataset(store), some_examples(), micro_base, a_recipe(epochs=1))


def test_loss_that_is_nan_stops_with_advice(store, settings, micro_base):
    """A loss that is no number stops with advice."""
    recipe = a_recipe(warmup_fraction=0.0, epochs=5)
    object.__setattr__(recipe, "learning_rate", 1e30)  # more than a recipe allows
    with pytest.raises(ModelError, match=r"--set learning_rate=\S+, or with --precision"):
        train(store, settings.home, store_dataset(store), some_examples(), micro_base, recipe)


def test_another_base_in_the_folder_is_told(micro_base, tmp_path):
    """An adapter fits onto other weights of the same shapes, and what it says then is nonsense."""
    folder = tmp_path / "base"
    shutil.copytree(micro_base.location, folder)
    before = resolve_base(str(folder))
    load_model(before, False, "cpu")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\x40")
    with pytest.raises(ModelError, match="another base model now"):
        load_model(before, False, "cpu")
    load_model(resolve_base(str(folder)), False, "cpu")
