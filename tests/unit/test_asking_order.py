"""A run asks a model in every way while it is loaded; a host that helps begins at the other end."""

from feedback_model.inference.infer import asking_order

MODELS = ["base", "epoch-1"]


def test_each_model_is_asked_in_every_way_together():
    assert asking_order(MODELS, "every") == [
        ("free", "base"),
        ("template", "base"),
        ("direct", "base"),
        ("free", "epoch-1"),
        ("template", "epoch-1"),
        ("direct", "epoch-1"),
    ]


def test_one_way_alone_may_be_asked():
    assert asking_order(MODELS, "direct") == [("direct", "base"), ("direct", "epoch-1")]


def test_a_helper_begins_at_the_end():
    assert asking_order(MODELS, "every", from_the_end=True) == asking_order(MODELS, "every")[::-1]
