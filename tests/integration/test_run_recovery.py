"""Runs whose process is gone are put back at once, unless somebody else's worker may have them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import State
from prefect.states import Cancelling, Pending, Running

from deployments.deploy import POOLS
from deployments.local.left_processes import FLOW_RUN, STARTED_BY
from deployments.local.recovery import ENDS_WITHIN, REPORTED_WITHIN, Recovery
from feedback_model.store.owners import process_owner
from flows.report import report
from tests.prefect_api import PrefectApi, prefect_api_running

OURS = ["cpu-here"]


@pytest.fixture(scope="module")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectApi]:
    with prefect_api_running(tmp_path_factory.mktemp("prefect")) as api:
        for pool in POOLS:
            api.call("POST", "work_pools/", WorkPoolCreate(name=pool, type="process").model_dump(mode="json"))
        yield api


async def a_run(state: State[None]) -> str:
    """A run of a deployment that a worker took, or began, and that has no process."""
    async with get_client() as client:
        flow_id = await client.create_flow_from_name(report.name)
        deployment = await client.create_deployment(
            flow_id, "here", entrypoint="flows.report.report", work_pool_name="cpu", concurrency_limit=1
        )
        run = await client.create_flow_run_from_deployment(deployment)
        for each in (
            Pending(),
            *([] if state.is_pending() else [Running()]),
            *([state] if state.is_cancelling() else []),
        ):
            await client.set_flow_run_state(run.id, each)
        return str(run.id)


def a_process(home: Path, run_id: str) -> "subprocess.Popen[bytes]":
    told = {"FEEDBACK_HOME": str(home), STARTED_BY: process_owner(), FLOW_RUN: run_id}
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return subprocess.Popen(command, env=os.environ | told, start_new_session=True)


def state_of(api: PrefectApi, run_id: str) -> str:
    return api.call("GET", f"flow_runs/{run_id}")["state_name"]


@pytest.mark.parametrize(
    ("state", "becomes"),
    [(Pending(), "AwaitingRetry"), (Running(), "AwaitingRetry"), (Cancelling(), "Cancelled")],
    ids=["pending", "running", "cancelling"],
)
async def test_lost_run_is_put_back(prefect_api: PrefectApi, tmp_path: Path, state: State[None], becomes: str) -> None:
    run_id = await a_run(state)
    recovery = Recovery(tmp_path, OURS)
    assert await recovery.look(at_once=False) == []  # its worker may still report it
    assert state_of(prefect_api, run_id) == state.name
    assert len(await recovery.look(at_once=True)) == 1
    assert state_of(prefect_api, run_id) == becomes
    limits = prefect_api.call("POST", "v2/concurrency_limits/filter", {})
    assert [limit["active_slots"] for limit in limits] == [0]
    prefect_api.call("DELETE", f"flow_runs/{run_id}")


async def test_run_that_stays_without_a_process_is_lost(prefect_api: PrefectApi, tmp_path: Path) -> None:
    run_id = await a_run(Running())
    recovery = Recovery(tmp_path, OURS, {run_id: time.monotonic() - 2 * REPORTED_WITHIN})
    assert len(await recovery.look(at_once=False)) == 1
    assert state_of(prefect_api, run_id) == "AwaitingRetry"
    prefect_api.call("DELETE", f"flow_runs/{run_id}")


async def test_process_that_outlives_its_run_is_ended(tmp_path: Path, prefect_api: PrefectApi) -> None:
    """As that of a run which was cancelled while it had no worker."""
    run_id = await a_run(Cancelling())
    with a_process(tmp_path, run_id) as child:
        recovery = Recovery(tmp_path, OURS)
        assert await recovery.look(at_once=False) == []
        recovery.outlived[run_id] -= 2 * ENDS_WITHIN
        await recovery.look(at_once=False)
        assert child.wait() == -signal.SIGTERM
    await recovery.look(at_once=True)
    assert state_of(prefect_api, run_id) == "Cancelled"
    prefect_api.call("DELETE", f"flow_runs/{run_id}")


async def test_run_of_a_strangers_worker_is_left(prefect_api: PrefectApi, tmp_path: Path) -> None:
    run_id = await a_run(Running())
    prefect_api.call("POST", "work_pools/cpu/workers/heartbeat", {"name": "cpu-elsewhere"})
    assert await Recovery(tmp_path, OURS).look(at_once=True) == []
    assert state_of(prefect_api, run_id) == "Running"
