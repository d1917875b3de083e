"""An evaluation counted by the reference project's rules, beside ours."""

import pytest

from benchmarks.reference_rules import count_as_reference
from feedback_model.store.connection import Store
from tests.evaluated_run import evaluate_run, fill_run


def test_every_model_is_counted_by_both_rules(store: Store) -> None:
    run = fill_run(store)
    _, test = evaluate_run(run)
    rows = {model: figures for model, *figures in count_as_reference(store)}
    assert set(rows) == set(run.models)
    for name, (strict, reference, _, _, mse_common, _) in rows.items():
        assert (strict, mse_common) == (test.model(name).valid_strict, test.model(name).mse_common)
        assert strict <= reference <= test.n_test
    assert rows["base-nf4"][1] > rows["base-nf4"][0]  # prose before the JSON is let through
    strict, reference, ours, theirs, _, _ = rows["epoch-2"]
    assert strict == reference == test.n_test
    assert theirs == pytest.approx(ours, abs=1e-12)
