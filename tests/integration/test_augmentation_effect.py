"""What augmentation was worth: the training without it is one more model, and the report says what that shows."""

import pytest

from eval.evaluate import evaluate
from eval.report.augmentation_effect import NOT_MEASURED
from eval.report.content import compose
from eval.report.load import load_augmentation_effect, load_report_data
from eval.report.render import render_markdown
from eval.report.verify import verify_report
from eval.report.write import write_report
from feedback_model.errors import MissingStage
from feedback_model.records.labels import Dataset
from feedback_model.records.training import UNAUGMENTED, model_order
from feedback_model.transcripts.snapshots import demand_augmented
from tests.evaluated_run import LABELS, RUN, EvaluatedRun, fill_run, open_evaluated, open_run


def evaluate_beside(run: EvaluatedRun, without: str):
    """The test evaluation in which the outputs of `without` stand for the training without rewrites."""
    models = run.models | {UNAUGMENTED: run.models[without]}
    return evaluate(run.store, run.dataset, "test", models, RUN, best_epoch="epoch-2")


@pytest.mark.parametrize(
    ("without", "said"), [("base", "Augmentation helped"), ("epoch-3", "It cannot be told whether augmentation helped")]
)
def test_the_report_says_whether_it_helped(any_store_with, without, said):
    run = open_run(any_store_with)
    test = evaluate_beside(run, without)
    effect = compose(load_report_data(run.store, test)).effect
    assert effect.sentence.startswith(said)
    assert effect.sentence == load_augmentation_effect(run.store, test.evaluation_id)
    assert set(effect.comparisons) == {"penalised", "common"}
    assert len(effect.macro) == 12
    assert {model for model, _, _ in effect.levels} == {"epoch-2", UNAUGMENTED}


def test_the_section_is_in_both_texts_and_verifies(store, settings):
    test = evaluate_beside(fill_run(store), "epoch-1")
    path = write_report(store, settings, test.evaluation_id)
    assert "Did augmentation help?" in path.read_text("utf-8")
    assert "Did augmentation help?" in render_markdown(compose(load_report_data(store, test)))
    assert verify_report(store, path).agrees


def test_an_unmeasured_effect_comes_with_its_command(store_with, settings):
    made = open_evaluated(store_with)
    name = made.test.evaluation_id
    assert "feedback prove-augmentation" in write_report(made.store, settings, name).read_text("utf-8")
    assert load_augmentation_effect(made.store, name) == NOT_MEASURED


def test_without_stands_between_the_epochs_and_the_champion():
    models = ["champion", UNAUGMENTED, "epoch-10", "base"]
    assert sorted(models, key=model_order) == ["base", "epoch-10", UNAUGMENTED, "champion"]


def test_a_dataset_without_rewrites_has_nothing_to_prove():
    with pytest.raises(MissingStage, match="feedback augment"):
        demand_augmented(Dataset("d", LABELS, "snapshots/d.parquet", 6, 1, 1, 0))
