"""What a process could not give back counts as a dead process's, for itself alone."""

import pytest

from feedback_model.store import owners


def test_what_was_renounced_is_nobody_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "_renounced", 0)
    before = owners.process_owner()
    assert owners.is_alive(before)
    owners.renounce()
    assert owners.is_alive(before) is False
    assert owners.is_alive(owners.process_owner())


def test_other_processes_leave_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "_renounced", 3)
    renouncing = owners.process_owner()
    assert renouncing.endswith(".3")
    monkeypatch.setattr(owners.os, "getpid", lambda: 1)
    assert owners.is_alive(renouncing)
