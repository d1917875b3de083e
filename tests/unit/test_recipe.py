"""Recipes, precision, order and learning rate: pure functions that decide what a run is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.records.recipe import recipe_from
from feedback_model.records.training import BaseModel, choose_precision, default_recipe
from feedback_model.training.collate import epoch_batches, micro_batches
from feedback_model.training.loop import learning_rate_at
from tests.micro_model import a_recipe

REAL = BaseModel("Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct", "abc")
DEMO = BaseModel("embedded", "embedded", "abc", stand_in=True)


def test_a_recipe_is_named_by_its_content():
    recipe = default_recipe(REAL)
    assert recipe.recipe_hash == default_recipe(REAL).recipe_hash
    assert recipe.recipe_hash != replace(recipe, rank=16).recipe_hash


def test_earlier_runs_keep_their_names():
    """Runs that taught whole answers alone have the names that they had before anything else could be taught."""
    real, demo = (replace(default_recipe(base), branch_weight=0.0, expectation_weight=0.0) for base in (REAL, DEMO))
    assert real.recipe_hash == "2d413510dcc79f41d16c3ae4321a6013"
    assert demo.recipe_hash == "112db1b5272d4f83a0ea594c03d4ee8d"
    assert replace(real, with_augmented=False).recipe_hash == "4e2eb64df6bd6eb1e47903f1e366693e"


def test_the_missions_recipe_is_the_default():
    recipe = default_recipe(REAL)
    assert (recipe.rank, recipe.epochs, recipe.precision) == (8, 3, "float16")
    assert default_recipe(DEMO).epochs == 3


def test_recipe_reads_back_the_same():
    """A recipe read back is the same even from a version that knew more."""
    recipe = a_recipe()
    stored = {name: getattr(recipe, name) for name in recipe.__slots__}
    assert recipe_from({**stored, "from_the_future": 1}) == recipe


@pytest.mark.parametrize("field", ["epochs", "batch_size", "learning_rate"])
def test_a_recipe_of_nothing_is_refused(field):
    with pytest.raises(ValueError, match=f"{field}\n.*greater than"):
        a_recipe(**{field: 0})


def test_only_float16_on_a_cpu_is_replaced():
    assert choose_precision("float16", "cpu")["used"] == "float32"
    assert choose_precision("float16", "cpu", bfloat16_pays=True)["used"] == "bfloat16"
    assert choose_precision("bfloat16", "cpu")["used"] == "bfloat16"
    assert choose_precision("float16", "cuda") == {"requested": "float16", "used": "float16", "reason": ""}


@given(st.integers(0, 300), st.integers(1, 9), st.integers(0, 5), st.integers(1, 3))
def test_an_epoch_holds_every_example_once(count, batch_size, seed, epoch):
    batches = epoch_batches(count, batch_size, seed, epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    assert len(batches) == -(-count // batch_size)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert batches == epoch_batches(count, batch_size, seed, epoch)


def test_epochs_differ_in_order():
    assert epoch_batches(400, 8, 0, 1) != epoch_batches(400, 8, 0, 2)


@given(st.lists(st.integers(8, 90), min_size=1, max_size=40), st.integers(0, 7), st.integers(0, 300))
def test_micro_batches_hold_each_example_once(lengths, prefix, budget):
    pieces = micro_batches(lengths, prefix, budget)
    assert [index for piece in pieces for index in piece] == list(range(len(lengths)))
    sizes = [prefix + sum(lengths[index] - prefix for index in piece) for piece in pieces]
    assert all(size <= budget or len(piece) == 1 for size, piece in zip(sizes, pieces, strict=True))


def test_micro_batches_keep_every_worker_busy():
    assert micro_batches([10] * 8, 2, 30, workers=2) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert micro_batches([10] * 8, 2, 1_000, workers=2) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert micro_batches([10], 2, 1_000, workers=4) == [[0]]


def test_micro_batches_are_even():
    assert micro_batches([10] * 8, 2, 60) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert micro_batches([10] * 8, 2, 30) == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_learning_rate_rises_and_falls():
    """The learning rate rises to its peak and falls towards zero."""
    recipe = a_recipe(warmup_fraction=0.1)
    rates = [learning_rate_at(recipe, step, 100) for step in range(1, 101)]
    assert rates.index(max(rates)) == 9
    assert max(rates) == recipe.learning_rate
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert 0 < rates[-1] < 0.01 * recipe.learning_rate
