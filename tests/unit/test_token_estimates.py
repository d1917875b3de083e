"""What requests may take, and what a budget can be kept for."""

import pytest

from feedback_model.errors import ConfigurationError
from feedback_model.labelling.requests import in_budget


def test_a_budget_needs_a_known_price() -> None:
    assert in_budget(None, "unheard-of") is None
    assert in_budget(0.25, "gpt-4o-mini") == 250_000_000
    with pytest.raises(ConfigurationError, match="price of 'unheard-of' is not known"):
        in_budget(1.0, "unheard-of")
