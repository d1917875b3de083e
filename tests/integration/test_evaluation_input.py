"""What is missing, too little or not meant for an evaluation gets a sentence, or a sane figure; nothing partial is kept."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, func, insert, select, update

from eval.evaluate import evaluate
from feedback_model.errors import Interrupted, MissingStage
from feedback_model.progress import clear_stop, request_stop
from feedback_model.store import tables
from feedback_model.store.evaluations import read_evaluation
from feedback_model.traits import TRAIT_KEYS
from tests.evaluated_run import LABELS, RUN, EvaluatedRun, evaluate_run, fill_run, open_run


@pytest.fixture
def run(any_store_with) -> EvaluatedRun:
    return open_run(any_store_with)


def count(store, table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_stopped_evaluation_leaves_nothing_partial(run):
    """A stop leaves nothing partial and a rerun finishes."""
    request_stop()
    with pytest.raises(Interrupted):
        evaluate(run.store, run.dataset, "test", run.models, RUN)
    assert count(run.store, tables.evaluation) == count(run.store, tables.evaluation_item) == 0
    clear_stop()
    assert evaluate(run.store, run.dataset, "test", run.models, RUN).n_test == 40


def test_missing_outputs_are_named(run):
    with run.store.write() as connection:
        kept = select(tables.dataset_item.c.transcript_id).where(tables.dataset_item.c.split == "test").limit(1)
        gone = tables.output.c.transcript_id.in_(kept.scalar_subquery())
        connection.execute(delete(tables.output).where(gone, tables.output.c.inference_id == run.models["epoch-3"]))
    with pytest.raises(MissingStage, match="epoch-3 has no output for 1 of 40 test transcripts"):
        evaluate(run.store, run.dataset, "test", run.models, RUN)


def test_a_part_without_labels_is_named(run):
    elsewhere = replace(run.dataset, labelling_config=replace(LABELS, label_model="another"))
    with pytest.raises(MissingStage, match="no labelled transcripts in its validation part"):
        evaluate(run.store, elsewhere, "validation", run.models, RUN)


def test_a_model_that_was_never_asked_is_named(run):
    with pytest.raises(
        MissingStage, match="epoch-9 has no output for 40 of 40 test transcripts; run `feedback evaluate`"
    ):
        evaluate(run.store, run.dataset, "test", run.models | {"epoch-9": "nobody"}, RUN)


def test_partly_labelled_split_is_told(run):
    """A part that is labelled in part is told."""
    with run.store.write() as connection:
        few = select(tables.dataset_item.c.transcript_id).where(tables.dataset_item.c.split == "test").limit(3)
        gone = connection.execute(few).scalars().all()
        connection.execute(delete(tables.label_score).where(tables.label_score.c.transcript_id.in_(gone)))
    with pytest.raises(
        MissingStage, match="labels 37 of the 40 test transcripts of dataset dataset-; run `feedback label`"
    ):
        evaluate(run.store, run.dataset, "test", run.models, RUN)


def test_labels_of_another_model_are_left_out(run):
    """The labels of another label model have no part."""
    _, before = evaluate_run(run)
    another = {"label_model": "another", "prompt_version": LABELS.prompt_version, "replicate": 0}
    with run.store.write() as connection:
        names = connection.execute(select(tables.dataset_item.c.transcript_id)).scalars().all()
        connection.execute(
            insert(tables.label), [another | {"transcript_id": name, "response_id": 1} for name in names]
        )
        worst = [another | {"transcript_id": name, "score": 1, "explanation": "no"} for name in names]
        connection.execute(
            insert(tables.label_score), [row | {"trait": trait} for row in worst for trait in TRAIT_KEYS]
        )
    after = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch=before.best_epoch.model, again=True)
    assert replace(after, created_at=before.created_at) == before


def test_one_document_is_measured_without_intervals_of_errors(run):
    with run.store.write() as connection:
        connection.execute(update(tables.transcript).values(source_id="one"))
    test = evaluate(run.store, run.dataset, "test", run.models, RUN)
    result = test.model("epoch-2")
    assert (result.mse_penalised_low, result.traits[0].ci_low, result.mse_penalised > 0) == (None, None, True)
    assert (result.validity_low, result.validity_high) == (pytest.approx(0.025), 1.0)
    assert not any(each.distinguishable for each in (*test.comparisons, *test.trait_comparisons))


def test_no_valid_output_leaves_penalised_mse_alone(run):
    """No valid output leaves mse empty but not the penalised one."""
    with run.store.write() as connection:
        connection.execute(update(tables.output).values(raw=b"no"))
    test = evaluate(run.store, run.dataset, "test", run.models, RUN)
    result = test.model("epoch-1")
    assert (result.valid_repairable, result.mse_individual, result.mse_common, result.n_common) == (0, None, None, 0)
    assert result.mse_penalised is not None
    assert result.mse_lower == 0.0
    assert read_evaluation(run.store, test.evaluation_id) == test


def test_one_transcript_is_evaluated_without_an_interval(store):
    run = fill_run(store, n_train=12, n_held_out=1)
    trait = evaluate(run.store, run.dataset, "test", run.models, RUN).model("epoch-2").traits[-1]
    assert (trait.n_used, trait.ci_low, trait.ci_high) == (1, None, None)
    assert trait.mse is not None
