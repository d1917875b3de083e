"""What a reply costs, where that is known."""

import pytest

from feedback_model.labelling.pricing import Usage, cost_of, price_of


def test_cached_tokens_are_cheaper():
    assert cost_of("gpt-4o-mini", Usage(1_000_000, 0, 0)) == pytest.approx(0.15)
    assert cost_of("gpt-4o-mini", Usage(1_000_000, 1_000_000, 0)) == pytest.approx(0.075)
    assert cost_of("gpt-4o-mini", Usage(0, 0, 1_000_000)) == pytest.approx(0.60)


def test_a_dated_release_costs_what_its_model_costs():
    assert price_of("gpt-4o-mini-2024-07-18") == price_of("gpt-4o-mini")


@pytest.mark.parametrize("model", ["gpt-4o-mini-audio-preview", "gpt-9", "", "gpt-4o"])
def test_an_unlisted_model_has_no_known_price(model):
    assert cost_of(model, Usage(10, 0, 10)) is None


def test_unknown_tokens_have_no_known_cost():
    assert cost_of("gpt-4o-mini", Usage(None, None, 5)) is None


def test_the_embedded_labeller_is_free():
    assert cost_of("embedded-rubric-3", Usage(500, 0, 100)) == 0.0
