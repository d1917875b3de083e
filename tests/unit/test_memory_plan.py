"""What a training tries next where memory was refused to it."""

from itertools import pairwise

from feedback_model.training.memory_plan import MemoryPlan


def tried(plan, longest):
    plans = [plan]
    while (narrower := plans[-1].narrowed(longest)) is not None:
        plans.append(narrower)
    return plans


def test_everything_is_tried_before_giving_up():
    """First smaller micro-batches, then fewer at a time, then computing activations again."""
    plans = tried(MemoryPlan(1_000, checkpointing=False, lanes=4, in_flight=3_000), longest=300)
    cuts = [(plan.token_budget, min(plan.in_flight, plan.lanes * plan.token_budget)) for plan in plans]
    assert cuts == [(1_000, 3_000), (500, 2_000), (300, 1_200), (300, 600), (300, 300), (300, 300)]
    assert [plan.checkpointing for plan in plans] == [False] * 5 + [True]
    assert all(one != other for one, other in pairwise(plans))


def test_an_example_beyond_the_budget_goes_alone_first():
    plans = tried(MemoryPlan(125, checkpointing=True, lanes=2, in_flight=250), longest=200)
    assert [plan.in_flight for plan in plans] == [250, 200]
