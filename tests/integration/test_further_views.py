"""Views that explain a figure say what counting the predictions by hand says, on both databases."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from feedback_model.store.connection import Store
from tests.filled_store import LABELLED, PREDICTED

TESTED = ("t-test-1", "t-test-2")
MODELS = ("base", "epoch-2")


@pytest.fixture
def filled(any_filled_store: Store) -> Store:
    return any_filled_store


def ask(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def squared_error(model: str, transcript: str) -> int | None:
    predicted = PREDICTED.get((model, transcript))
    return None if predicted is None else (predicted - LABELLED[transcript]) ** 2


def test_confusion_counts_every_output_once(filled: Store) -> None:
    """Invalid outputs are counted apart."""
    found = ask(
        filled, "SELECT model, label_score, predicted_score, n_outputs FROM confusion WHERE trait = 'formality'"
    )
    by_hand = Counter((model, LABELLED[name], PREDICTED.get((model, name))) for model in MODELS for name in TESTED)
    assert {row[:3]: row[3] for row in found} == dict(by_hand)


def test_calibration_sets_the_mean_label_beside_each_score(filled: Store) -> None:
    found = ask(
        filled,
        "SELECT model, predicted_score, mean_label, n_used, n_total, n_missing FROM calibration WHERE trait = 'empathy'",
    )
    assert sorted(found) == [("base", 2, 7, 1, 2, 1), ("epoch-2", 5, 4, 2, 2, 0), ("epoch-2", 7, 7, 2, 2, 0)]


def test_a_score_levels_error_counts_its_labels(filled: Store) -> None:
    found = ask(
        filled,
        "SELECT model, label_score, mse, n_used, n_total, n_missing FROM score_level_errors WHERE trait = 'empathy'",
    )
    assert {row[:2]: row[2:] for row in found} == {
        (model, LABELLED[name]): (squared_error(model, name), known, 1, 1 - known)
        for model in MODELS
        for name in TESTED
        for known in [int((model, name) in PREDICTED)]
    }


def test_a_transcripts_error_is_its_mean_over_traits(filled: Store) -> None:
    """An invalid output has no error."""
    found = ask(filled, "SELECT model, transcript_id, squared_error FROM transcript_errors")
    assert {row[:2]: row[2] for row in found} == {
        (model, name): squared_error(model, name) for model in MODELS for name in TESTED
    }


def test_selection_bias_splits_an_error_by_validity(filled: Store) -> None:
    found = ask(
        filled,
        "SELECT mse_where_valid, n_where_valid, mse_where_invalid, n_where_invalid, n_used, n_total, n_missing "
        "FROM selection_bias WHERE model = 'base' AND other = 'epoch-2'",
    )
    assert found == [(squared_error("epoch-2", "t-test-2"), 1, squared_error("epoch-2", "t-test-1"), 1, 2, 2, 0)]


def test_the_worst_valid_output_comes_first(filled: Store) -> None:
    """Invalid outputs are not listed."""
    found = ask(filled, "SELECT model, place, transcript_id FROM worst_outputs ORDER BY model, place")
    assert found == [("base", 1, "t-test-2"), ("epoch-2", 1, "t-test-1"), ("epoch-2", 2, "t-test-2")]


def test_each_dimension_s_slices_cover_every_transcript(filled: Store) -> None:
    found = ask(filled, "SELECT dimension, SUM(n_total), SUM(n_used), SUM(n_missing) FROM slices GROUP BY dimension")
    assert sorted(each for each in found if each[0] != "speaker") == [
        ("genre", 4, 3, 1),
        ("length", 4, 3, 1),
        ("source", 4, 3, 1),
    ]


def test_slices_by_speaker_name_known_persons_alone(filled: Store) -> None:
    found = ask(filled, "SELECT model, slice, n_total, n_used FROM slices WHERE dimension = 'speaker' ORDER BY model")
    assert found == [("base", "Ana Ruiz", 1, 0), ("epoch-2", "Ana Ruiz", 1, 1)]


def test_occurrences_tell_where_a_text_was_found(filled: Store) -> None:
    found = ask(
        filled,
        "SELECT record_id, speaker, person, start_seconds, end_seconds FROM occurrences WHERE split = 'test' ORDER BY 1",
    )
    assert found == [
        ("call-t-test-1", "Ana Ruiz", "ana ruiz", 2.0, 61.5),
        ("call-t-test-2", "Speaker 1", None, None, None),
    ]


def test_tombstones_stand_in_one_view_alone(filled: Store) -> None:
    assert ask(filled, "SELECT transcript_id, split FROM forgotten") == [("t-forgotten", "train")]
    for view in ("transcript_texts", "label_progress"):
        assert ask(filled, f"SELECT 1 FROM {view} WHERE transcript_id = 't-forgotten'") == []


def test_shares_of_failures_add_up(filled: Store) -> None:
    found = ask(filled, "SELECT place, n_outputs, n_failed, share, cumulative_share FROM failure_pareto")
    assert found == [(1, 1, 1, 1, 1)]


def test_an_epoch_stands_beside_its_training_loss(filled: Store) -> None:
    found = ask(filled, "SELECT run_id, epoch, split, train_loss, mse_penalised FROM epoch_curve")
    assert found == [("run1", 2, "test", 0.5, 0.5)]


def test_what_answering_took_is_summed_per_model(filled: Store) -> None:
    found = ask(filled, "SELECT model, n_outputs, n_tokens, seconds, tokens_per_second FROM inference_cost")
    assert sorted(found) == [("base", 2, 180, 1.0, 180.0), ("epoch-2", 2, 180, 1.0, 180.0)]


def test_looks_at_a_held_out_split_are_counted(filled: Store) -> None:
    assert ask(filled, "SELECT dataset_id, split, n_looks, n_models FROM look_budget") == [("d1", "test", 1, 2)]


def test_a_rewrite_costs_its_text_and_its_label(filled: Store) -> None:
    found = ask(
        filled,
        "SELECT trait, target_score, ordered, accepted, pending, n_replies, ROUND(CAST(cost_usd * 10000 AS NUMERIC)), "
        "cost_per_accepted_usd FROM augmentation_outcomes",
    )
    assert found == [("empathy", 2, 1, 0, 1, 2, 4, None)]
