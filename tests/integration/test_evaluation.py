"""An evaluation of stored outputs: right, whole, repeatable, and a sentence where it cannot be made."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, func, select, text, update

from eval.evaluate import evaluate
from eval.intervals import clustered_share, error_interval
from eval.measure import choose_best_epoch
from feedback_model.parsing import judge
from feedback_model.store import tables
from feedback_model.store.evaluations import latest_evaluation, read_evaluation
from feedback_model.store.labels import labelled_transcripts
from feedback_model.traits import TRAIT_KEYS
from tests.evaluated_run import RUN, Evaluated, EvaluatedRun, evaluate_run, open_evaluated, open_run, relabel


@pytest.fixture
def run(any_store_with) -> EvaluatedRun:
    return open_run(any_store_with)


@pytest.fixture
def evaluated(any_store_with) -> Evaluated:
    return open_evaluated(any_store_with)


def count(store, table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def scores_by_hand(run: EvaluatedRun, model: str, split: str) -> list[tuple[list[int], list[int] | None]]:
    """Labels and strictly valid scores, paired by a plain loop over plain rows."""
    with run.store.read() as connection:
        item, label, output = tables.dataset_item, tables.label_score, tables.output
        names = connection.execute(select(item.c.transcript_id).where(item.c.split == split)).scalars().all()
        pairs = []
        for name in names:
            rows = connection.execute(select(label.c.trait, label.c.score).where(label.c.transcript_id == name)).all()
            said = select(output.c.raw).where(
                output.c.transcript_id == name, output.c.inference_id == run.models[model]
            )
            judged = judge(connection.execute(said).scalar_one())
            strict = list(judged.feedback.scores.values()) if judged.tier == "strict" else None
            pairs.append(([dict(map(tuple, rows))[trait] for trait in TRAIT_KEYS], strict))
    return pairs


@pytest.mark.parametrize("model", ["base-nf4", "epoch-2"])
def test_figures_equal_a_plain_recomputation_from_the_rows(evaluated, model):
    run, test = evaluated.run, evaluated.test
    pairs = scores_by_hand(run, model, "test")
    valid = [(label, scores) for label, scores in pairs if scores is not None]
    result = test.model(model)
    assert result.valid_strict == result.n_individual == len(valid)
    errors = [np.mean((np.array(label) - np.array(scores)) ** 2) for label, scores in valid]
    assert result.mse_individual == pytest.approx(np.mean(errors), abs=1e-12)
    medians = np.array([constant.train_median for constant in test.constants])
    filled = [np.mean((np.array(label) - (medians if scores is None else scores)) ** 2) for label, scores in pairs]
    assert result.mse_penalised == pytest.approx(np.mean(filled), abs=1e-12)
    assert result.mse_lower <= result.mse_penalised <= result.mse_upper


def test_every_trait_and_subset_has_all_metrics(evaluated):
    run, test = evaluated.run, evaluated.test
    for result in test.models:
        assert len(result.metrics) == 6 * 2 * 6
        assert all(metric.n_used + metric.n_missing == metric.n_total == test.n_test for metric in result.metrics)
    pairs = [pair for pair in scores_by_hand(run, "base-nf4", "test") if pair[1] is not None]
    flattery = np.mean([scores[0] - label[0] for label, scores in pairs])
    found = {(m.trait, m.subset, m.metric): m.value for m in test.model("base-nf4").metrics}
    assert found[TRAIT_KEYS[0], "individual", "bias"] == pytest.approx(flattery, abs=1e-12)


def test_every_pair_is_compared_under_every_measure(evaluated):
    test = evaluated.test
    assert len(test.comparisons) == 10 * 3
    penalised = {(c.model, c.other): c for c in test.comparisons if c.measure == "penalised"}
    for (model, other), found in penalised.items():
        difference = test.model(model).mse_penalised - test.model(other).mse_penalised
        assert found.difference == pytest.approx(difference, abs=1e-9)
    assert penalised["epoch-2", "base-nf4"].distinguishable
    assert test.model("epoch-2").tier < test.model("base-nf4").tier


def test_again_completes_an_evaluation_without_comparisons(evaluated):
    """Without `again` it is returned as it was stored."""
    run, whole = evaluated.run, evaluated.test
    with run.store.write() as connection:
        for table in (tables.evaluation_metric, tables.evaluation_comparison, tables.evaluation_tier):
            connection.execute(delete(table))
    old = evaluate(run.store, run.dataset, "test", run.models, RUN)
    assert (old.comparisons, old.models[0].metrics, old.models[0].tier) == ((), (), None)
    assert old.models[0].traits == whole.models[0].traits
    best = whole.best_epoch.model
    anew = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch=best, again=True)
    assert replace(anew, created_at=whole.created_at) == whole


def test_every_model_has_one_common_subset(evaluated):
    for evaluation in (evaluated.validation, evaluated.test):
        assert len({result.n_common for result in evaluation.models}) == 1
        assert evaluation.models[0].n_common <= min(result.n_individual for result in evaluation.models)


def test_counts_are_nested_and_rows_add_up(evaluated):
    test = evaluated.test
    for result in test.models:
        assert result.valid_strict <= result.valid_extractable <= result.valid_repairable <= test.n_test
        assert len(result.traits) == 18
        assert all(trait.n_used + trait.n_missing == trait.n_total == test.n_test for trait in result.traits)


def test_constants_come_from_real_train_transcripts_alone(evaluated):
    run, before = evaluated.run, evaluated.test.constants
    with run.store.write() as connection:
        augmented = select(tables.transcript.c.transcript_id).where(tables.transcript.c.origin == "augmented")
        connection.execute(
            update(tables.label_score).where(tables.label_score.c.transcript_id.in_(augmented)).values(score=1)
        )
    after = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2", again=True)
    assert after.constants == before


def test_test_marks_the_epoch_that_validation_chose(evaluated):
    validation, test = evaluated.validation, evaluated.test
    lowest = min((r for r in validation.models if r.model.startswith("epoch")), key=lambda r: r.mse_upper)
    assert choose_best_epoch(validation) == lowest.model == validation.best_epoch.model == test.best_epoch.model


def test_a_second_evaluation_returns_the_stored_one(run):
    first = evaluate_run(run)
    rows = count(run.store, tables.evaluation_trait)
    assert evaluate_run(run) == first
    assert count(run.store, tables.evaluation_trait) == rows
    assert latest_evaluation(run.store) == first[1]


def test_again_measures_anew_under_the_same_name(evaluated):
    run, test = evaluated.run, evaluated.test
    anew = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch=test.best_epoch.model, again=True)
    assert replace(anew, created_at=test.created_at) == test
    assert read_evaluation(run.store, test.evaluation_id) == anew


def test_again_leaves_the_judgements_of_other_parts_alone(evaluated):
    run = evaluated.run
    judged = count(run.store, tables.judgement)
    evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2", again=True)
    assert count(run.store, tables.judgement) == judged


def test_outputs_that_came_anew_are_measured_anew(evaluated):
    run, test = evaluated.run, evaluated.test
    asked_again = run.models["epoch-1"]
    with run.store.write() as connection:
        connection.execute(delete(tables.judgement).where(tables.judgement.c.inference_id == asked_again))
        connection.execute(update(tables.output).where(tables.output.c.inference_id == asked_again).values(raw=b"no"))
    anew = evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2")
    assert (anew.evaluation_id, anew.model("epoch-1").n_individual) == (test.evaluation_id, 0)
    assert read_evaluation(run.store, test.evaluation_id) == anew


def test_the_worst_trait_stands_in_the_summary(evaluated):
    run, test = evaluated.run, evaluated.test
    with run.store.read() as connection:
        rows = connection.execute(
            text("SELECT model, worst_trait, mse_worst_trait FROM evaluation_summary WHERE split = 'test'")
        ).all()
    for model, trait, mse in rows:
        mses = {each.trait: each.mse for each in test.model(model).traits if each.subset == "penalised"}
        assert (mse, mses[trait]) == (max(mses.values()), mse)


def test_without_relabelled_transcripts_skill_ends_at_zero_error(evaluated):
    run, test = evaluated.run, evaluated.test
    with run.store.read() as connection:
        rows = connection.execute(
            text("SELECT mse_penalised, mse_constant, skill, noise_floor FROM evaluation_summary")
        ).all()
    assert test.noise_floors == ()
    assert all(floor is None and skill == pytest.approx(1 - mse / constant) for mse, constant, skill, floor in rows)


def test_a_relabelled_sample_gives_floor_and_skill(run):
    with run.store.read() as connection:
        first = dict(
            connection.execute(text("SELECT transcript_id, score FROM label_score WHERE trait = 'empathy'")).all()
        )
    relabel(run, {name: [max(1, first[name] - 1)] * 6 for name in list(first)[20:50]})
    evaluation = evaluate(run.store, run.dataset, "test", run.models, RUN)
    assert evaluation.noise_floors[0].n_used == 30
    assert read_evaluation(run.store, evaluation.evaluation_id) == evaluation
    with run.store.read() as connection:
        rows = connection.execute(text("SELECT mse_penalised, skill, noise_floor FROM evaluation_summary")).all()
    for penalised, skill, floor in rows:
        expected = (evaluation.mse_constant - penalised) / (evaluation.mse_constant - evaluation.noise_floor)
        assert (skill, floor) == (pytest.approx(expected), evaluation.noise_floor)


def test_the_mean_over_traits_has_the_transcripts_interval(run):
    evaluation = evaluate(run.store, run.dataset, "test", run.models, RUN)
    result = evaluation.model("base")
    config, dataset_id = run.dataset.labelling_config, run.dataset.dataset_id
    items = labelled_transcripts(run.store, config, dataset_id=dataset_id, split="test")
    sources = [item.source_id for item in items]
    pairs = zip(sources, scores_by_hand(run, "base", "test"), strict=True)
    errors = {
        (number, source): np.mean((np.array(label) - np.array(scores)) ** 2)
        for number, (source, (label, scores)) in enumerate(pairs)
        if scores is not None
    }
    expected = error_interval(np.array(list(errors.values())), [source for _, source in errors])
    assert (result.mse_individual_low, result.mse_individual_high) == pytest.approx(expected)
    valid = np.array([scores is not None for _, scores in scores_by_hand(run, "base", "test")])
    assert (result.validity_low, result.validity_high) == clustered_share(valid, sources)


def test_what_quantising_costs_is_one_joint_verdict(run):
    evaluation = evaluate(run.store, run.dataset, "test", run.models, RUN)
    pairs = {each.measure: each for each in evaluation.comparisons if (each.model, each.other) == ("base-nf4", "base")}
    with run.store.read() as connection:
        (tax,) = connection.execute(text("SELECT * FROM quantisation_tax")).mappings()
    shown = all(each.p_non_inferior < 0.025 for each in pairs.values())
    assert (tax["verdict"] == "no worse") == shown
    assert [tax[f"{measure}_difference"] for measure in pairs] == [each.difference for each in pairs.values()]
    assert tax["n_common"] == pairs["common"].n_used
