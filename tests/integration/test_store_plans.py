"""What is asked of one evaluation is looked up, however many others there are."""

import pytest
from sqlalchemy import text

from feedback_model.store.connection import Store
from feedback_model.store.tables import metadata

GROWING = (
    "evaluation_summary",
    "trait_mse",
    "trait_metrics",
    "comparisons",
    "failure_breakdown",
    "lineage",
    "confusion",
    "calibration",
    "score_level_errors",
    "failure_pareto",
    "selection_bias",
    "slices",
    "worst_outputs",
    "inference_cost",
)


def steps(store: Store, view: str, condition: str) -> list[str]:
    with store.read() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN SELECT * FROM {view} WHERE {condition}"))
        return [row.detail for row in plan]


@pytest.mark.parametrize("view", ["prediction_scores", "outputs"])
@pytest.mark.parametrize("condition", ["evaluation_id = 'e'", "evaluation_id = 'e' AND model = 'base'"])
def test_raw_rows_are_found_by_key(store: Store, view: str, condition: str) -> None:
    """Raw rows of one evaluation are found by key at every step."""
    plan = steps(store, view, condition)
    assert plan
    assert [step for step in plan if not step.startswith("SEARCH")] == []


@pytest.mark.parametrize("view", GROWING)
def test_no_table_is_read_whole_for_one_evaluation(store: Store, view: str) -> None:
    plan = steps(store, view, "evaluation_id = 'e'")
    assert [step for step in plan if step.startswith("SCAN") and step.split()[1] in metadata.tables] == []
