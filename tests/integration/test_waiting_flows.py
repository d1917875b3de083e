"""A flow that waits says so in its log, and a stage that nobody starts says what is missing."""

import asyncio
from queue import SimpleQueue

import pytest
from prefect import flow, get_client, task
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Completed

from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.store.locks import hold
from feedback_model.waiting import Wait, telling_waits
from tasks.resources import resources
from tasks.stages import final_state
from tests.local_service import eventually
from tests.other_process import HOLD_LEASE, Other
from tests.prefect_api import PrefectApi

# Prefect leaves the sockets of its clients to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def waits_logged(api: PrefectApi, flow_name: str) -> list[str]:
    lines = [line for run in api.task_runs(flow_name) for line in api.log_lines(run["id"])]
    return [line for line in lines if line.startswith("waiting for another process that trains")]


def take_the_lease(store: Store) -> None:
    with hold(store, "train:1", "trains the same recipe"):
        pass


async def test_wait_is_in_its_runs_log(
    prefect_api: PrefectApi, settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait is in the log of its run."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    other = Other(HOLD_LEASE, settings.store_url)

    @task
    async def train() -> None:
        with resources() as (_, opened):
            await asyncio.to_thread(take_the_lease, opened)

    @flow(name="waits")
    async def waits() -> None:
        await train()

    run = asyncio.create_task(waits())
    (line, *_) = await asyncio.to_thread(eventually, lambda: waits_logged(prefect_api, "waits"), 120)
    other.release()
    await run
    assert f"(process {other.process.pid}: " in line


async def test_a_stage_without_a_worker_names_its_pool(prefect_api: PrefectApi) -> None:
    told = SimpleQueue[Wait]()
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name="idle", type="process"))
        flow_id = await client.create_flow_from_name("train")
        deployment_id = await client.create_deployment(flow_id, "gpu", work_pool_name="idle")
        run = await client.create_flow_run_from_deployment(deployment_id)
        with telling_waits(told.put, first=0.0):
            waiting = asyncio.create_task(final_state(run.id, "train/gpu"))
        wait = await asyncio.to_thread(told.get, timeout=120)
        await client.set_flow_run_state(run.id, Completed(), force=True)
    assert (await waiting).is_completed()
    assert wait.what.startswith(f"a run of train/gpu ({run.name}: Scheduled; the work pool idle has no worker: ")
    assert "prefect worker start --pool idle" in wait.what
