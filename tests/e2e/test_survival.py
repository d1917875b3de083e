"""What a run survives: SIGKILL at every stage, Ctrl-C, SIGTERM, and another run beside it."""

import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import CONCURRENCY, COUNT, Endpoint, Installation
from tests.local_service import HANGS, eventually

RUN = ("run", "--base-model", "embedded", "--epochs", "2")


def test_run_killed_at_every_stage_buys_nothing_twice(
    paid_installation: Installation, endpoint: Endpoint, transcripts: Path
) -> None:
    """Killed at every stage it completes and buys nothing twice."""
    run = (*RUN, "--input", str(transcripts))
    del paid_installation.environment[
        "PREFECT_API_URL"
    ]  # here each command has a server of its own, which dies with it
    for query, enough in (
        ("SELECT count(*) FROM label", 40),
        ("SELECT count(*) FROM training_step", 5),
        ("SELECT count(*) FROM output", 1),
    ):
        paid_installation.kill_when_counted(paid_installation.start(*run), query, enough)

    done = paid_installation.run(*run)

    assert done.returncode == 0, done.stderr
    bought_again = sum(count - 1 for count in endpoint.replies().values())
    assert bought_again <= CONCURRENCY
    assert paid_installation.count("SELECT count(*) FROM label WHERE replicate = 0") >= COUNT
    assert (
        paid_installation.count("SELECT count(*) FROM evaluation_summary") == 24
    )  # four models, two splits, three ways of asking
    assert paid_installation.count("SELECT count(*) - count(DISTINCT epoch) FROM checkpoint") == 0


def test_second_run_pays_and_evaluates_nothing_anew(
    paid_installation: Installation, endpoint: Endpoint, transcripts: Path
) -> None:
    """A second run pays nothing and makes no second evaluation."""
    first = paid_installation.run(*RUN, "--input", str(transcripts))
    assert first.returncode == 0, first.stderr
    paid, rows = endpoint.replies(), paid_installation.count("SELECT count(*) FROM evaluation_summary")

    second = paid_installation.run(*RUN, "--input", str(transcripts))

    assert second.returncode == 0, second.stderr
    assert endpoint.replies() == paid
    assert paid_installation.count("SELECT count(*) FROM evaluation_summary") == rows
    assert paid_installation.count("SELECT count(*) FROM training_run") == 1


def test_two_runs_at_once_buy_each_label_once(
    paid_installation: Installation, endpoint: Endpoint, transcripts: Path
) -> None:
    """Two runs at once buy each label once and both succeed."""
    runs = [paid_installation.start(*RUN, "--input", str(transcripts)) for _ in range(2)]

    ends = [run.communicate(timeout=HANGS) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], ends
    assert set(endpoint.replies().values()) == {1}
    assert paid_installation.count("SELECT count(*) FROM training_run") == 1


# Slow enough for the request to come long before the last answer.
@pytest.mark.parametrize("endpoint", [1.0], indirect=True)
@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_command_goes_on_when_run_again(
    paid_installation: Installation, endpoint: Endpoint, transcripts: Path, request_to_stop: signal.Signals
) -> None:
    """A request to stop ends with one sentence and the next command goes on."""
    assert paid_installation.run("land", str(transcripts)).returncode == 0
    label = paid_installation.start("label")
    eventually(lambda: paid_installation.count("SELECT count(*) FROM label") or label.poll() is not None)
    assert label.poll() is None, label.communicate()
    label.send_signal(request_to_stop)
    _, said = label.communicate(timeout=HANGS)

    assert label.returncode == 130
    assert "Traceback" not in said
    assert "error: stopped on request" in said
    assert paid_installation.run("label").returncode == 0
    asked_twice = sum(endpoint.replies().values()) - COUNT  # what was on its way when Prefect cut it short
    assert asked_twice <= (0 if request_to_stop is signal.SIGINT else CONCURRENCY)
