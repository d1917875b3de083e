"""Training runs, model versions and outputs as the store keeps them, on both databases."""

from dataclasses import replace

import pytest

from feedback_model.errors import MissingStage
from feedback_model.inference.infer import model_versions
from feedback_model.records.evaluation import Inference, Prediction
from feedback_model.records.training import (
    BaseModel,
    Checkpoint,
    TrainingRun,
    TrainingStep,
    choose_precision,
    unaugmented_recipe,
)
from feedback_model.store.predictions import (
    forget_outputs,
    missing_outputs,
    read_outputs,
    record_inference,
    write_outputs,
)
from feedback_model.store.training import (
    begin_run,
    find_finished,
    finish_run,
    latest_run,
    model_version_of,
    read_run,
    record_checkpoint,
    record_models,
    record_steps,
    restart_run,
    steps_of,
)
from tests.builders import a_transcript, store_transcripts
from tests.micro_model import a_recipe, store_dataset

BASE = BaseModel("some/chat", "some/chat", "c" * 40)


@pytest.fixture
def run(any_store) -> TrainingRun:
    begun = TrainingRun(
        "r", store_dataset(any_store).dataset_id, BASE, a_recipe(), choose_precision("float16", "cpu"), "cpu", "abc", ()
    )
    begin_run(any_store, begun)
    return begun


def a_checkpoint(epoch: int = 1, sha: str = "sha") -> Checkpoint:
    return Checkpoint("r", epoch, f"checkpoints/r/epoch-{epoch}", f"{sha}{epoch}", 0.5)


def test_run_is_read_back_as_begun(any_store, run):
    """A run is read back as it was begun."""
    begin_run(any_store, run)
    assert read_run(any_store, "r") == run
    assert find_finished(any_store, "r") is None
    with pytest.raises(MissingStage, match="feedback train"):
        read_run(any_store, "unknown")


def test_only_finished_runs_are_the_latest(any_store, run):
    assert latest_run(any_store) is None
    record_checkpoint(any_store, a_checkpoint())
    finish_run(any_store, "r", None)
    assert latest_run(any_store) == replace(run, checkpoints=(a_checkpoint(),))


def test_a_run_without_augmentation_is_never_the_latest(any_store, run):
    finish_run(any_store, "r", None)
    control = replace(run, run_id="control", recipe=unaugmented_recipe(run))
    begin_run(any_store, control)
    finish_run(any_store, "control", None)
    assert latest_run(any_store) == run
    assert find_finished(any_store, "control") == control


def test_steps_made_again_after_a_kill_replace_themselves(any_store, run):
    record_steps(any_store, "r", [TrainingStep(1, 1, 2.0, 0.1), TrainingStep(2, 1, 1.0, 0.1)], 1.0)
    record_steps(any_store, "r", [TrainingStep(2, 1, 0.9, 0.1)], 1.0)
    assert [step.loss for step in steps_of(any_store, "r")] == [2.0, 0.9]
    restart_run(any_store, "r")
    assert steps_of(any_store, "r") == []


def test_model_versions_are_known_by_their_weights(any_store, run):
    """Model versions are read back and known by their weights."""
    record_checkpoint(any_store, a_checkpoint())
    models = model_versions(BASE, read_run(any_store, "r"))
    record_models(any_store, models)
    record_models(any_store, models)
    assert tuple(model_version_of(any_store, model.model_id) for model in models) == models
    record_checkpoint(any_store, a_checkpoint(sha="trained again"))
    found = model_version_of(any_store, models[-1].model_id).checkpoint
    assert (found.adapter_sha, found.train_loss) == ("sha1", None)


def test_outputs_are_written_once_as_they_came(any_store, run):
    """Outputs stand as they came and are written once."""
    transcripts = [a_transcript(f"text {n}", split="test") for n in range(3)]
    store_transcripts(any_store, transcripts)
    ids = [one.transcript_id for one in transcripts]
    (model, _) = model_versions(BASE, None)
    record_models(any_store, [model])
    record_inference(any_store, Inference("i", model.model_id, "free", "feedback-1", 9, "cpu"))
    first = Prediction(ids[0], b'{"a\x00\xff', "length", 9, 0.5)
    write_outputs(any_store, "i", [first])
    write_outputs(any_store, "i", [replace(first, raw=b"later"), Prediction(ids[1], b"", "stop", 1, 0.5)])
    assert missing_outputs(any_store, "i", ids) == ids[2:]
    assert read_outputs(any_store, "i", ids[:1]) == [first]
    forget_outputs(any_store, "i", ids[:1])
    assert missing_outputs(any_store, "i", ids) == [ids[0], ids[2]]
