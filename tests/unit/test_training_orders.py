"""What training processes are told arrives as it was said."""

from dataclasses import replace

from feedback_model.records.recipe import Recipe
from feedback_model.records.training import BaseModel, TrainingRun
from feedback_model.training.orders import Order, from_message, to_message
from tests.builders import a_labelled


def test_an_order_arrives_as_it_was_given() -> None:
    """With labels, soft ones too, and every field of the recipe."""
    base, precision = BaseModel("a/b", "a/b", "c0ffee"), {"requested": "float16", "used": "float32", "reason": "a CPU"}
    recipe = Recipe(learning_rate=0.1 + 0.2, dropout=0.1)
    run = TrainingRun("r1", "d1", base, recipe, precision, "cpu", "abc", (), longest_answer=7)  # type: ignore[arg-type]
    hard = a_labelled("t1", "s1", (1, 2, 3, 4, 5, 10), text="Ünïcödé 🙂", split="train")
    order = Order(run, [hard, replace(hard, transcript_id="t2", expected=(1.5, 2.0, 3.25, 4.0, 5.0, 9.75))], 6 * 2**30)
    assert from_message(to_message(order)) == order
