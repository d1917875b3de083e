"""One evaluation by the reference project's rules, beside ours."""

import pytest

from eval.legacy import compare_with_legacy
from tests.databases import OpenFilled
from tests.evaluated_run import open_evaluated


def test_every_model_is_read_by_both_sets_of_rules(any_store_with: OpenFilled) -> None:
    made = open_evaluated(any_store_with)
    run, test = made.run, made.test
    rows = {row.model: row for row in compare_with_legacy(run.store)}
    assert set(rows) == set(run.models)
    for name, row in rows.items():
        assert (row.valid_strict, row.mse_common) == (test.model(name).valid_strict, test.model(name).mse_common)
        assert row.valid_strict <= row.valid_legacy <= row.n_test
    assert rows["base-nf4"].valid_legacy > rows["base-nf4"].valid_strict  # prose before the JSON is let through
    assert rows["base-nf4"].n_common_legacy > rows["base-nf4"].n_common


def test_where_everything_is_strict_both_say_the_same(any_store_with: OpenFilled) -> None:
    store = open_evaluated(any_store_with).store
    best = next(row for row in compare_with_legacy(store) if row.model == "epoch-2")
    assert best.valid_strict == best.n_test == best.valid_legacy
    assert best.mse_individual_legacy == pytest.approx(best.mse_individual, abs=1e-12)
