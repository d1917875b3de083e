"""One evaluation by the reference project's rules, beside ours."""

import pytest

from eval.legacy import compare_with_legacy
from feedback_model.store.connection import Store
from tests.evaluated_run import evaluate_run, fill_run


def test_every_model_is_read_by_both_sets_of_rules(any_store: Store) -> None:
    run = fill_run(any_store)
    _, test = evaluate_run(run)
    rows = {row.model: row for row in compare_with_legacy(any_store)}
    assert set(rows) == set(run.models)
    for name, row in rows.items():
        assert (row.valid_strict, row.mse_common) == (test.model(name).valid_strict, test.model(name).mse_common)
        assert row.valid_strict <= row.valid_legacy <= row.n_test
    assert rows["base-nf4"].valid_legacy > rows["base-nf4"].valid_strict  # prose before the JSON is let through
    assert rows["base-nf4"].n_common_legacy > rows["base-nf4"].n_common


def test_where_everything_is_strict_both_say_the_same(any_store: Store) -> None:
    evaluate_run(fill_run(any_store))
    best = next(row for row in compare_with_legacy(any_store) if row.model == "epoch-2")
    assert best.valid_strict == best.n_test == best.valid_legacy
    assert best.mse_individual_legacy == pytest.approx(best.mse_individual, abs=1e-12)
