"""The contract's views say the same on SQLite and on PostgreSQL."""

from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import text

from feedback_model.records.recipe import RECIPE_FIELDS, Recipe
from feedback_model.records.training import TrainingRun, choose_precision
from feedback_model.store.connection import Store
from feedback_model.store.schema import VIEWS
from feedback_model.store.tables import metadata, output
from feedback_model.store.training import begin_run
from tests.databases import OpenFilled
from tests.filled_store import fill
from tests.integration.test_store_training import BASE
from tests.micro_model import store_dataset

CONTRACT = {
    "evaluation_summary": "evaluation_id, created_at, split, decoding, model, n_test, valid_strict, valid_extractable, "
    "valid_repairable, validity_strict, n_common, mse_common, n_individual, mse_individual, mse_penalised, mse_lower, "
    "mse_upper, mse_constant, is_best_epoch",
    "trait_mse": "evaluation_id, model, trait, subset, mse, ci_low, ci_high, n_used, n_total, n_missing",
    "trait_metrics": "evaluation_id, model, trait, subset, mse, mse_macro, mae, bias, within_one, qwk, spearman, n_used, "
    "n_total, n_missing",
    "comparisons": "evaluation_id, model, other, measure, difference, ci_low, ci_high, p_value, p_adjusted, "
    "distinguishable, bound_low, bound_high, survives_missing, margin, p_non_inferior, n_used, n_total, n_missing",
    "rank_tiers": "evaluation_id, tier, model, mse_penalised",
    "label_scores": "transcript_id, source_id, split, origin, label_model, prompt_version, replicate, trait, score",
    "prediction_scores": "evaluation_id, model, transcript_id, trait, label_score, predicted_score",
    "outputs": "evaluation_id, model, transcript_id, raw_text, tier, failure_code, failure_offset, failure_pointer, "
    "finish_reason",
    "labelling_cost": "purpose, label_model, prompt_version, requests, prompt_tokens, completion_tokens, cost_usd",
    "label_progress": "transcript_id, split, state, label_model, prompt_version, attempts",
}


@pytest.fixture
def filled(any_filled_store: Store) -> Store:
    return any_filled_store


def ask(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_every_table_of_the_fixture_is_filled(filled: Store) -> None:
    assert [name for name in metadata.tables if not ask(filled, f"SELECT 1 FROM {name} LIMIT 1")] == []


# Asked where there is something to answer: the small store has no base-nf4 (test_evaluation.py, test_variants.py).
ELSEWHERE = {"quantisation_tax", "variant_tax"}


@pytest.mark.parametrize("view", [view for view in VIEWS if view not in ELSEWHERE])
def test_every_view_answers(filled: Store, view: str) -> None:
    assert ask(filled, f"SELECT {CONTRACT.get(view, '*')} FROM {view}")


def test_the_summary_has_one_row_per_model(filled: Store) -> None:
    rows = ask(filled, "SELECT model, n_test, validity_strict, mse_common FROM evaluation_summary ORDER BY model")
    assert rows == [("base", 2, 0.5, 25.0), ("epoch-2", 2, 1.0, 0.0)]


def test_invalid_prediction_is_null_and_counted(filled: Store) -> None:
    """A prediction that was not strict is null and stays in the count."""
    rows = ask(
        filled,
        "SELECT model, COUNT(*), COUNT(predicted_score), AVG((label_score - predicted_score) * "
        "(label_score - predicted_score)) FROM prediction_scores GROUP BY model ORDER BY model",
    )
    assert rows == [("base", 12, 6, 25.0), ("epoch-2", 12, 12, 0.5)]


def test_outputs_are_readable_text(filled: Store) -> None:
    sql = "SELECT raw_text, tier, failure_code FROM outputs WHERE model = 'base' AND transcript_id = 't-test-1'"
    assert ask(filled, sql) == [('{"formality": é', "none", "truncated")]


def test_an_output_with_a_null_character_is_shown(any_store_with: OpenFilled) -> None:
    filled, _ = any_store_with(fill)
    with filled.write() as connection:
        connection.execute(output.update().where(output.c.transcript_id == "t-test-1").values(raw=b"a\x00b"))
    ((shown,), *_) = ask(filled, "SELECT raw_text FROM outputs WHERE transcript_id = 't-test-1'")
    assert shown in {"a\x00b", r"a\000b"}


def test_failures_are_counted_of_all(filled: Store) -> None:
    sql = "SELECT model, failure_code, n_outputs, n_test, share FROM failure_breakdown"
    assert ask(filled, sql) == [("base", "truncated", 1, 2, 0.5)]


def test_progress_has_every_transcript(filled: Store) -> None:
    sql = "SELECT transcript_id, state, attempts FROM label_progress WHERE split = 'train' ORDER BY 1"
    assert ask(filled, sql) == [("t-rewritten", "failed", 1), ("t-train", "labelled", 1), ("t-waiting", "landed", 0)]


def test_cost_is_summed_over_what_was_paid(filled: Store) -> None:
    sql = "SELECT purpose, requests, prompt_tokens, ROUND(CAST(cost_usd * 10000 AS NUMERIC)) FROM labelling_cost ORDER BY 1"
    assert ask(filled, sql) == [("label", 4, 2400, 8), ("relabel", 1, 600, 2), ("rewrite", 1, 600, 2)]


def test_the_champion_is_the_last_one_promoted(filled: Store) -> None:
    assert ask(filled, "SELECT model, path FROM champion") == [("epoch-2", "checkpoints/run1/epoch-2")]
    history = ask(filled, "SELECT model, replaced_at IS NULL FROM champion_history ORDER BY promotion_id")
    assert [(model, bool(stands)) for model, stands in history] == [
        ("base", False),
        ("epoch-2", False),
        ("base", False),
        ("epoch-2", True),
    ]


def test_lineage_leads_from_a_figure_to_its_data(filled: Store) -> None:
    sql = "SELECT model_id, checkpoint_path, recipe_hash, dataset_id, n_train FROM lineage WHERE model = 'epoch-2'"
    assert ask(filled, sql) == [("m-epoch-2", "checkpoints/run1/epoch-2", "h1", "d1", 1)]


def test_a_base_model_has_no_checkpoint(filled: Store) -> None:
    assert ask(filled, "SELECT checkpoint_path, run_id FROM lineage WHERE model = 'base'") == [(None, None)]


def test_a_pair_stands_there_once_each_way(filled: Store) -> None:
    sql = (
        "SELECT model, difference, bound_low, bound_high, survives_missing FROM comparisons WHERE measure = 'penalised'"
    )
    assert sorted(ask(filled, sql)) == [("base", 20.0, 12.0, 30.0, True), ("epoch-2", -20.0, -30.0, -12.0, True)]


def test_absent_metrics_leave_the_mse(any_store_with: OpenFilled) -> None:
    """Metrics of an older evaluation are absent and its mse is not."""
    filled, _ = any_store_with(fill)
    with filled.write() as connection:
        connection.execute(text("DELETE FROM evaluation_metric"))
    sql = "SELECT DISTINCT mse, qwk, n_used FROM trait_metrics WHERE model = 'epoch-2' AND subset = 'individual'"
    assert ask(filled, sql) == [(0.5, None, 2)]


def test_recipes_have_a_column_for_every_field(any_store: Store) -> None:
    recipe = Recipe(rank=16, learning_rate=1e-3, with_augmented=False, seed=2**32 - 1)
    precision = choose_precision("float16", "cpu")
    begin_run(any_store, TrainingRun("r", store_dataset(any_store).dataset_id, BASE, recipe, precision, "cpu", "c", ()))
    with any_store.read() as connection:
        row = connection.execute(text("SELECT * FROM recipes")).mappings().one()
    assert {name: row[name] for name in RECIPE_FIELDS} == asdict(recipe)
    assert (row["recipe_hash"], row["precision_used"]) == (recipe.recipe_hash, "float32")
    assert row["precision_reason"] == precision["reason"]
