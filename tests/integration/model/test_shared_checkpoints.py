"""Machines with one database and no common home folder: what one has trained another asks, and goes on with."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feedback_model import progress
from feedback_model.errors import ConfigurationError, Interrupted, ModelError
from feedback_model.inference.infer import model_versions, score_texts
from feedback_model.inference.loaded import unload
from feedback_model.store.training import checkpoints_of, steps_of
from feedback_model.training.checkpoints import SHARED_FILES, verified_folder
from feedback_model.training.train import run_id_of, train
from tests.integration.model.test_training import KILLED, stop_after
from tests.micro_model import a_recipe, some_examples, store_dataset
from tests.object_store import object_store

TEXTS = ["well this is a talk", "and another one"]


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("FEEDBACK_SHARED_CHECKPOINTS", "s3://talks/shared")
    with object_store(monkeypatch) as found:
        yield found


@pytest.fixture
def homes(tmp_path):
    return tmp_path / "one", tmp_path / "other"


@pytest.fixture
def trained(store, bucket, homes, micro_base):
    return train(store, homes[0], store_dataset(store), some_examples(), micro_base, a_recipe())


def said_in(home: Path, run) -> list[bytes]:
    unload()  # the adapter is read from that home
    *_, newest = model_versions(run.base, run)
    return [output.raw for output in score_texts(home, newest, TEXTS, 12)]


def folder_of(made) -> str:
    return f"shared/checkpoints/{made.run_id}/epoch-{made.epoch}-{made.adapter_sha[:12]}"


def test_another_home_says_the_same(trained, homes):
    one, other = homes
    assert said_in(other, trained) == said_in(one, trained)
    assert not (other / "checkpoints" / trained.run_id / "epoch-1").exists()


def test_only_adapters_lie_in_the_shared_place(trained, bucket):
    """States of a finished training are gone."""
    files = (*SHARED_FILES[:2], "hashes.json")
    expected = [f"{folder_of(made)}/{file}" for made in trained.checkpoints for file in files]
    assert bucket.keys() == sorted(expected)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "hashes.json"])
def test_a_damaged_copy_there_is_refused(trained, bucket, homes, name):
    """One sentence says what, where, and what to do; with the same seed a training mends it."""
    made, other = trained.checkpoints[1], homes[1]
    bucket.put(f"{folder_of(made)}/{name}", b'{"r": 8')
    with pytest.raises(
        ModelError, match=rf"epoch-2 is gone, and as to .*s3://talks/shared.*{name} .*damaged; run `feed"
    ):
        verified_folder(other, made)
    assert not list(other.rglob("*.safetensors"))


def test_a_half_written_copy_counts_as_none(trained, bucket, homes):
    made = trained.checkpoints[1]
    bucket.delete(f"{folder_of(made)}/hashes.json")
    with pytest.raises(ModelError, match="it has none; run `feedback train`"):
        verified_folder(homes[1], made)


def test_other_weights_in_a_home_are_passed_over(trained, homes):
    """Here and, as the database knows, not the same: the right ones are fetched beside them."""
    made, other = trained.checkpoints[0], homes[1]
    wrong = other / made.path / "adapter_model.safetensors"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"other weights")
    assert verified_folder(other, made).name == folder_of(made).rpartition("/")[2]
    assert wrong.read_bytes() == b"other weights"


def test_weights_that_agree_with_themselves_alone_are_refused(trained, bucket, homes):
    """The hash in the database decides, not the one beside the weights."""
    one, two = (folder_of(made) for made in trained.checkpoints)
    for name in ("adapter_model.safetensors", "hashes.json"):
        bucket.put(f"{two}/{name}", bucket.read(f"{one}/{name}"))
    with pytest.raises(ModelError, match=r"are not those the store knows; run `feedback train`"):
        verified_folder(homes[1], trained.checkpoints[1])


def test_a_finished_run_is_reused_in_another_home(store, trained, homes, micro_base):
    arguments = (store_dataset(store), some_examples(), micro_base, a_recipe())
    assert train(store, homes[1], *arguments).reused
    assert all(verified_folder(homes[1], made) for made in trained.checkpoints)


def test_a_stopped_training_goes_on_elsewhere(store, bucket, homes, micro_base, caplog):
    """To the losses and weights of an undisturbed one, bit for bit."""
    caplog.set_level("INFO")
    arguments = (store_dataset(store), some_examples(), micro_base, a_recipe(dropout=0.1))
    undisturbed = train(store, homes[0] / "undisturbed", *arguments)
    curve = steps_of(store, undisturbed.run_id)
    with progress.reporting_to(stop_after(5)), pytest.raises(Interrupted):
        train(store, homes[0], *arguments, again=True)
    progress.clear_stop()
    assert train(store, homes[1], *arguments).checkpoints == undisturbed.checkpoints
    assert steps_of(store, undisturbed.run_id) == curve
    assert "goes on at step 5, where another machine left it" in caplog.text


def test_a_killed_training_goes_on_elsewhere(store, bucket, settings, homes, micro_base, caplog):
    caplog.set_level("INFO")
    where = (settings.store_url, str(homes[0]), micro_base.location, micro_base.revision)
    arguments = (store_dataset(store), some_examples(), micro_base, a_recipe(epochs=8, precision="float32"))
    run_id = run_id_of(arguments[0], micro_base, arguments[-1])
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED.replace("epochs=200", "epochs=8, precision='float32'"), *where]
    )
    while not checkpoints_of(store, run_id) and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    resumed = train(store, homes[1], *arguments)
    curve = steps_of(store, run_id)
    assert "where another machine left it" in caplog.text
    assert train(store, homes[0] / "undisturbed", *arguments, again=True).checkpoints == resumed.checkpoints
    assert steps_of(store, run_id) == curve


def test_an_unshared_epoch_is_no_checkpoint(store, settings, homes, micro_base, tmp_path, monkeypatch, caplog):
    """A state that cannot be put there is told; the training stops at the end of its epoch, and goes on from there."""
    place = tmp_path / "place"
    place.write_text("a file where a folder should be")
    monkeypatch.setenv("FEEDBACK_SHARED_CHECKPOINTS", str(place / "below"))
    arguments = (store, homes[0], store_dataset(store), some_examples(), micro_base, a_recipe())
    with pytest.raises(ConfigurationError, match=r"\(FEEDBACK_SHARED_CHECKPOINTS\) cannot be used: .*Not a directory"):
        train(*arguments)
    assert "no other machine could go on from here" in caplog.text
    run_id = run_id_of(arguments[2], micro_base, arguments[-1])
    assert (checkpoints_of(store, run_id), len(steps_of(store, run_id))) == ((), 3)
    place.unlink()
    assert len(train(*arguments).checkpoints) == 2


def test_training_again_passes_over_earlier_states(store, bucket, homes, micro_base):
    """What lies in the home that was trained in before is of a training that is over."""
    arguments = (store_dataset(store), some_examples(), micro_base, a_recipe())
    with progress.reporting_to(stop_after(5)), pytest.raises(Interrupted):
        train(store, homes[0], *arguments)
    progress.clear_stop()
    with progress.reporting_to(stop_after(1)), pytest.raises(Interrupted):
        train(store, homes[1], *arguments, again=True)
    progress.clear_stop()
    run = train(store, homes[0], *arguments)
    assert [step.step for step in steps_of(store, run.run_id)] == list(range(1, 7))


def test_a_damaged_state_there_is_told_and_unused(store, bucket, homes, micro_base, caplog):
    arguments = (store_dataset(store), some_examples(), micro_base, a_recipe(epochs=1))
    with progress.reporting_to(stop_after(2)), pytest.raises(Interrupted):
        train(store, homes[0], *arguments)
    progress.clear_stop()
    keys = bucket.keys()
    (state,) = [key for key in keys if "/state/" in key]
    bucket.put(state, bucket.read(state)[:-4])
    run = train(store, homes[1], *arguments)
    assert "is cut off or damaged, so it is not used" in caplog.text
    assert len(steps_of(store, run.run_id)) == 3
