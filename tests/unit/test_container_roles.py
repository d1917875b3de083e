"""What a container is told becomes the environment and the command of its process."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.containers import landing
from deployments.containers.entry import ROLES, environment
from deployments.containers.secrets import with_secrets
from feedback_model.errors import ConfigurationError
from feedback_model.records.retraining import Reason, Verdict
from feedback_model.records.service import LastRetraining, RetrainingDecided, StoreFigures
from feedback_model.settings import Settings

BEGAN = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("a/b c\n")
    (tmp_path / "nothing").write_text("\n")
    return tmp_path


@pytest.mark.parametrize(
    ("told", "is_then"),
    [
        ("feedback:{secret:password}", "feedback:a/b c"),
        ("redis://:{secret:password}@redis:6379/0", "redis://:a%2Fb%20c@redis:6379/0"),
        ("{unknown}", "{unknown}"),
        ("", ""),
    ],
)
def test_secret_stands_where_its_name_stood(secrets: Path, told: str, is_then: str) -> None:
    assert with_secrets({"A": told}, secrets) == {"A": is_then}


def test_empty_secret_leaves_its_variable_out(secrets: Path) -> None:
    assert with_secrets({"OPENAI_API_KEY": "{secret:nothing}", "B": "b"}, secrets) == {"B": "b"}


def test_missing_secret_is_named(secrets: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"the secret .*/absent cannot be read"):
        with_secrets({"A": "{secret:absent}"}, secrets)


def test_what_a_container_is_told_comes_first(settings: Settings) -> None:
    told = environment(settings, {"PREFECT_WORKER_QUERY_SECONDS": "3", "PATH": "/bin"})
    assert told["PREFECT_WORKER_QUERY_SECONDS"] == "3"
    assert told["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
    assert told["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_nothing_of_prefect_lies_in_the_home(settings: Settings) -> None:
    """A file there of a container that is gone would name a process of another one."""
    told = environment(settings, {})
    assert not told["PREFECT_HOME"].startswith(str(settings.home))
    assert told["PREFECT_RESULTS_LOCAL_STORAGE_PATH"].startswith(str(settings.home))


def test_server_is_guarded_and_only_that(settings: Settings) -> None:
    command = ROLES["server"](settings, [])
    assert "deployments.local.prefect_server" in command
    assert "--web-only" in command
    assert command[command.index("--bind") + 1] == "0.0.0.0:4200"


def test_worker_is_told_its_pools(settings: Settings) -> None:
    assert ROLES["worker"](settings, ["cpu"])[-2:] == ["deployments.local.workers", "cpu"]


def figures(**found: Any) -> StoreFigures:
    return StoreFigures("postgresql", "0110", "0110", 1, **found)


def decided(verdict: Verdict, reason: Reason, minutes: int) -> RetrainingDecided:
    return RetrainingDecided(BEGAN + timedelta(minutes=minutes), verdict, reason, "12 are too few")


def test_landing_is_followed_to_its_end() -> None:
    assert "waiting" in landing.stage(figures(batches_waiting=1), BEGAN)
    assert "works" in landing.stage(figures(batches_claimed=1), BEGAN)
    assert landing.stage(figures(), BEGAN) == ""


def test_landing_that_must_wait_says_why() -> None:
    with pytest.raises(ConfigurationError, match="12 are too few"):
        landing.stage(figures(batches_waiting=1, decision=decided("wait", "too_few_new", 1)), BEGAN)


def test_what_came_before_is_no_answer() -> None:
    failed = LastRetraining(BEGAN - timedelta(hours=1), None, "unfinished")
    found = figures(batches_waiting=1, decision=decided("wait", "too_few_new", -1), retraining=failed)
    assert "waiting" in landing.stage(found, BEGAN)
