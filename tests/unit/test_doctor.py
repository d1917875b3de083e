"""`feedback doctor` says on which systems this runs."""

import pytest

from deployments.cli.doctor import describe_system


def test_linux_is_supported():
    assert describe_system("Linux", "Linux 6.1, x86_64").state == "ok"


@pytest.mark.parametrize(
    ("system", "state", "lacks"),
    [("Darwin", "note", ("/proc", "CUDA")), ("Windows", "wrong", ("fcntl", "process groups", "/proc"))],
)
def test_other_systems_hear_what_they_lack(system, state, lacks):
    finding = describe_system(system, f"{system} 1")
    assert finding.state == state
    assert all(each in finding.found for each in lacks)
    assert "Linux" in finding.fix


def test_a_system_nobody_named_is_refused():
    assert describe_system("Plan9", "Plan9 4").state == "wrong"
