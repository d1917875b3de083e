"""`feedback status` tells how a service is by what is there, and changes nothing."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import flow, get_client

from deployments.local.prefect_figures import read_prefect_figures
from deployments.local.server import PrefectServer
from feedback_model.demo.speech import write_demo_input
from feedback_model.errors import ConfigurationError
from feedback_model.records.retraining import RetrainingDecision
from feedback_model.settings import Settings
from feedback_model.store.batches import claim_batches, finish_batches
from feedback_model.store.connection import Store
from feedback_model.store.owners import process_owner
from feedback_model.store.retraining import add_decision, untrained_data
from feedback_model.store.store_figures import read_store_figures
from feedback_model.transcripts.landing import land
from tests.local_service import HANGS, clean_environment
from tests.ports import free_port
from tests.prefect_api import PrefectApi

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def feedback(home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deployments.cli.app", *arguments]
    given = clean_environment(home) | environment
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=HANGS)


def test_figures_of_a_filled_store_are_read(any_filled_store: Store) -> None:
    figures = read_store_figures(url_of(any_filled_store))
    assert figures is not None
    assert figures.size_bytes > 0
    assert figures.batches_waiting == 1
    assert figures.labels == {"labelled": 4}
    assert sum(figures.cost_usd.values()) == pytest.approx(0.0012)
    assert figures.unknown_usd == pytest.approx(0.0006)
    assert figures.decision is not None
    assert figures.decision.reason == "quiet_hours"
    assert figures.champion is not None
    assert figures.champion.model == "epoch-2"


def test_retraining_is_followed_to_its_end(any_store: Store, tmp_path: Path) -> None:
    write_demo_input(tmp_path / "landed.jsonl", 3, 3)
    land(any_store, [str(tmp_path / "landed.jsonl")])
    decision = RetrainingDecision("retrain", "new_data", "1 new transcript")
    add_decision(any_store, untrained_data(any_store), decision, process_owner())
    claimed = claim_batches(any_store, process_owner())
    assert outcome(any_store) == "running"
    finish_batches(any_store, claimed)
    assert outcome(any_store) == "finished"


def outcome(store: Store) -> str:
    figures = read_store_figures(url_of(store))
    assert figures is not None
    assert figures.retraining is not None
    return figures.retraining.outcome


def test_no_database_is_made_by_looking(settings: Settings) -> None:
    assert read_store_figures(settings.store_url) is None
    assert not settings.home.exists()


def test_older_schema_is_left_as_it_is(store: Store, settings: Settings) -> None:
    with sqlite3.connect(settings.home / "feedback.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0107'")
    figures = read_store_figures(settings.store_url)
    assert figures is not None
    assert (figures.schema, figures.labels) == ("0107", {})


@flow(name="outer", retries=0)
async def outer() -> None:
    await inner()


@flow(name="inner")
async def inner() -> None:
    raise ValueError("it broke\nin a second line")


async def test_failure_names_the_innermost_run(prefect_api: PrefectApi) -> None:
    await outer(return_state=True)
    server = PrefectServer(prefect_api.url, prefect_api.secret)
    failure = read_prefect_figures(server).failure
    assert failure is not None
    assert (failure.flow, failure.stage, failure.stands) == ("outer", "inner", True)
    assert failure.message == "ValueError: it broke in a second line"


async def test_runs_that_are_planned_are_not_under_way(prefect_api: PrefectApi) -> None:
    """Those that are late, or wait to be tried again, are."""
    async with get_client() as client:
        deployment_id = await client.create_deployment(flow_id=await client.create_flow(outer), name="planned")
    for name in ("Scheduled", "Late", "AwaitingRetry"):
        state = {"type": "SCHEDULED", "name": name, "state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}}
        run = prefect_api.call("POST", f"deployments/{deployment_id}/create_flow_run", {})
        prefect_api.call("POST", f"flow_runs/{run['id']}/set_state", {"state": state, "force": True})
    runs = read_prefect_figures(PrefectServer(prefect_api.url, prefect_api.secret)).runs
    assert sorted(run.state for run in runs if run.deployed and run.flow == "outer") == ["AwaitingRetry", "Late"]


async def test_server_without_the_password_is_told(prefect_api: PrefectApi) -> None:
    with pytest.raises(ConfigurationError, match="PREFECT_API_AUTH_STRING"):
        read_prefect_figures(PrefectServer(prefect_api.url))


def test_status_of_an_empty_home_is_healthy(tmp_path: Path) -> None:
    told = feedback(tmp_path, "status", "--serve", f"http://127.0.0.1:{free_port()}")
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert [line[:12].strip() for line in lines] == ["ok", "not running", "not running", "not running"]


def test_status_of_no_home_names_it(tmp_path: Path) -> None:
    told = feedback(tmp_path / "home", "status")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(f"error: there is no home folder {tmp_path / 'home'}")
    assert not (tmp_path / "home").exists()


def test_unhealthy_part_is_the_exit_status(tmp_path: Path) -> None:
    """As JSON, too, which scripts read."""
    gone = f"http://127.0.0.1:{free_port()}/api"
    told = feedback(tmp_path, "status", "--json", PREFECT_API_URL=gone)
    assert told.returncode == 1
    assert told.stderr.startswith("error: unhealthy: Prefect server")
    assert json.loads(told.stdout)["healthy"] is False
