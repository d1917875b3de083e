"""What has landed and what was paid for, counted alike in both databases."""

from feedback_model.records.landed import WordCounts
from feedback_model.store.connection import Store
from feedback_model.store.labels import read_labelling_costs
from feedback_model.store.landed import read_landed
from feedback_model.store.readonly_sql import select_rows


def test_landings_are_counted_with_what_they_lack(any_filled_store: Store) -> None:
    found = read_landed(any_filled_store, ["b1"])
    assert found.n_new == 5
    assert found.splits == {"train": 2, "validation": 1, "test": 2}
    assert found.words == WordCounts(600, 120, 120.0, 120)
    assert (found.n_known, found.n_duplicate, found.n_refused) == (0, 1, 1)
    assert found.refused == {"broken_json": 1}
    assert sum(found.languages.values()) == 5
    assert read_landed(any_filled_store, []).words is None


def test_costs_are_those_of_the_view(any_filled_store: Store) -> None:
    rows = select_rows(any_filled_store, "SELECT SUM(requests) AS n, SUM(cost_usd) AS cost FROM labelling_cost")
    costs = read_labelling_costs(any_filled_store)
    assert [(sum(each.n_responses for each in costs), sum(each.cost_usd or 0 for each in costs))] == [
        (row["n"], row["cost"]) for row in rows
    ]
    assert all(type(each.n_responses) is int for each in costs)
