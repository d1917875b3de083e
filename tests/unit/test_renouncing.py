"""What a process could not give back counts as a dead process's, for itself alone."""

import pytest

from feedback_model.store import locks


def test_what_was_renounced_is_nobody_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_renounced", 0)
    before = locks.process_owner()
    assert locks.is_alive(before)
    locks.renounce()
    assert locks.is_alive(before) is False
    assert locks.is_alive(locks.process_owner())


def test_other_processes_leave_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_renounced", 3)
    renouncing = locks.process_owner()
    assert renouncing.endswith(".3")
    monkeypatch.setattr(locks.os, "getpid", lambda: 1)
    assert locks.is_alive(renouncing)
