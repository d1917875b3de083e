"""Epochs measured while their training goes on: at no price in weights, and none in questions asked twice."""

import pytest
from prefect import flow

from eval.evaluate import evaluate
from feedback_model import progress
from feedback_model.errors import Interrupted
from feedback_model.inference.models import models_of
from feedback_model.records.transcripts import SPLITS
from feedback_model.store.datasets import held_out
from feedback_model.store.training import read_run, steps_of
from feedback_model.training.train import Means, train
from feedback_model.transcripts.snapshots import read_examples, snapshot
from tasks.epochs import measure_until
from tasks.inference import ask
from tasks.training import fine_tune
from tests.builders import LABEL_SET, a_feedback, a_speech, a_transcript, store_label, store_transcripts
from tests.local_service import eventually
from tests.micro_model import a_recipe

# Prefect leaves the sockets of its clients to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
LIMIT = 12  # new tokens
N = 4  # transcripts of each part
RECIPE = a_recipe(dropout=0.1)  # so that the state of the random numbers matters


@pytest.fixture
def few_tokens(settings):
    return settings.model_copy(update={"max_new_tokens": LIMIT})


@pytest.fixture
def dataset(store, settings):
    parts = {split: [a_speech(N * place + each, words=8) for each in range(N)] for place, split in enumerate(SPLITS)}
    made = [a_transcript(text, split=split) for split, texts in parts.items() for text in texts]
    store_transcripts(store, made)
    for number, each in enumerate(made):
        store_label(store, each.transcript_id, a_feedback(*(1 + number % 10,) * 6))
    return snapshot(store, settings, LABEL_SET)


@pytest.fixture
def training(store, few_tokens, micro_base, dataset):
    """Trains on the dataset in a home folder; each epoch is measured unless told otherwise."""
    examples = read_examples(few_tokens, dataset, "train")

    def run(home, *, measuring=True, again=False):
        own = few_tokens.model_copy(update={"home": home})

        def after_epoch(run, made):
            return measure_until(own, store, run.run_id, made.epoch)[-1].measured

        chosen = after_epoch if measuring else None
        return train(store, home, dataset, examples, micro_base, RECIPE, again=again, means=Means(after_epoch=chosen))

    return run


def test_measuring_changes_no_step_and_no_weight(store, settings, training, asked):
    plain = training(settings.home / "plain", measuring=False)
    steps = steps_of(store, plain.run_id)
    assert not asked
    measured = training(settings.home / "measured", again=True)
    assert len(asked) == RECIPE.epochs * N
    assert measured.checkpoints == plain.checkpoints
    assert steps_of(store, plain.run_id) == steps


def test_the_evaluation_asks_nothing_twice(store, few_tokens, dataset, training, asked):
    run = training(few_tokens.home)
    inferences = {
        name: ask(few_tokens, store, model, held_out(store, dataset.dataset_id))
        for name, model in models_of(store, run).items()
        if model.checkpoint
    }
    assert len(inferences) == RECIPE.epochs
    assert len(asked) == RECIPE.epochs * 2 * N
    evaluation = evaluate(store, dataset, "validation", inferences, run.run_id)
    for epoch, result in zip(measure_until(few_tokens, store, run.run_id, 2), evaluation.models, strict=True):
        assert (epoch.measured.n_valid, epoch.measured.n_total) == (result.valid_strict, evaluation.n_test)
        assert epoch.measured.mse_penalised == result.mse_penalised
        assert epoch.measured.mse_constant == evaluation.mse_constant


def test_stop_while_measuring_loses_no_answer(settings, training, asked, monkeypatch):
    monkeypatch.setattr("feedback_model.inference.infer.BATCH_SIZE", 1)

    def stop(seen: progress.Progress) -> None:
        if (seen.stage, seen.done) == ("infer epoch-1", 2):
            progress.request_stop()

    undisturbed = training(settings.home / "undisturbed", measuring=False)
    with progress.reporting_to(stop), pytest.raises(Interrupted):
        training(settings.home / "stopped", again=True)
    progress.clear_stop()
    assert training(settings.home / "stopped").checkpoints == undisturbed.checkpoints
    assert len(asked) == RECIPE.epochs * N


def test_without_validation_there_is_no_figure(store, few_tokens, training, monkeypatch):
    run = training(few_tokens.home, measuring=False)
    monkeypatch.setattr("tasks.epochs.held_out", lambda *_, **__: [])
    assert [each.measured for each in measure_until(few_tokens, store, run.run_id, 2)] == [None, None]


async def test_the_ui_shows_the_curve(store, few_tokens, micro_base, dataset, prefect_api, monkeypatch):
    for name, value in {"HOME": few_tokens.home, "MAX_NEW_TOKENS": LIMIT}.items():
        monkeypatch.setenv(f"FEEDBACK_{name}", str(value))

    @flow(name="curve")
    async def work():
        return await fine_tune(dataset.dataset_id, micro_base.location, {"epochs": 2, "batch_size": 2}, again=False)

    run = read_run(store, await work())
    (task_run,) = eventually(lambda: prefect_api.task_runs("curve"))
    artifacts = eventually(lambda: prefect_api.artifacts("training-curve", task_run["id"]))
    newest = max(artifacts, key=lambda each: each["created"])["data"]
    assert "| 2 | " in newest and f"0 of {N} (0%)" in newest
    assert newest.count("```mermaid") == 2
    assert run.precision["used"] in newest
