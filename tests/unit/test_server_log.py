"""The server's log says what somebody should know."""

import logging

import pytest

from deployments.local.prefect_server import is_news


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Action failed: 'Failed to set state: Run is already in terminal state COMPLETED.'", False),
        ("Action failed: 'Failed to set state: The enclosing flow run is not known.'", True),
    ],
)
def test_late_automation_is_no_news(message: str, told: bool) -> None:
    record = logging.LogRecord("actions", logging.WARNING, __file__, 1, "Action failed: %r", (message,), None)
    assert is_news(record) is told
