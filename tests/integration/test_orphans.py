"""A stage that stays Running although its run is over is ended; one whose run goes on is not."""

from collections.abc import Iterator
from typing import Any

import pytest
from prefect import flow, get_client, task
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Running

from deployments.local.orphans import SETTLES, Orphans
from tests.prefect_api import PrefectApi, prefect_api_running


@pytest.fixture(scope="module", autouse=True)
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectApi]:
    with prefect_api_running(tmp_path_factory.mktemp("prefect")) as api:
        yield api


@flow
def above() -> None: ...


@flow
def stage() -> None: ...


@task
def stands_for_stage() -> None: ...


async def a_stage_of(run: FlowRun) -> FlowRun:
    """A stage at work within a run."""
    async with get_client() as client:
        between = await client.create_task_run(stands_for_stage, flow_run_id=run.id, dynamic_key="0", state=Running())
        return await client.create_flow_run(stage, parent_task_run_id=between.id, state=Running())


async def a_run(state: State[Any]) -> FlowRun:
    async with get_client() as client:
        return await client.create_flow_run(above, state=state)


async def look_twice() -> list[str]:
    orphans = Orphans()
    assert await orphans.look() == []  # it may still say how it ended
    orphans.since = {run_id: seen - SETTLES for run_id, seen in orphans.since.items()}
    return await orphans.look()


async def test_stage_of_an_ended_run_is_ended() -> None:
    left = await a_stage_of(await a_run(Completed()))
    below = await a_stage_of(left)
    at_work = await a_stage_of(await a_run(Running()))
    assert set(await look_twice()) == {left.name, below.name}
    async with get_client() as client:
        states = [(await client.read_flow_run(run.id)).state for run in (left, below, at_work)]
    assert [state.name for state in states if state] == ["Crashed", "Crashed", "Running"]
