"""Stages run in this process, or as a run of their own deployment when the caller is a deployment itself.

A coordinator that a worker started must not hold the accelerator, and may lack torch; the stage's deployment is on a pool that
has both. The command line has no workers, so there the stage is an ordinary subflow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State, WorkPoolStatus
from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run

from feedback_model.waiting import Waiting
from tasks.resources import logging_waits

LOOK_SECONDS = 1.0
# The server puts a crashed run back in the queue after 15 s of quiet; one that stays crashed this long will not come back.
RESUMED_WITHIN = timedelta(seconds=60)


async def run_stage(stage: Callable[..., Awaitable[Any]], deployment_name: str, **parameters: Any) -> Any:
    """Run `stage` with `parameters` and return its result.

    The idempotency key makes a resumed coordinator wait for the run it started before, instead of starting another.

    Raises:
        Exception: whatever the stage raised.
    """
    if deployment.id is None:
        return await stage(**parameters)
    key = f"{flow_run.id}:{deployment_name}:{sorted(parameters.items())}"
    run = await run_deployment(deployment_name, parameters=parameters, idempotency_key=key, timeout=0)  # type: ignore[misc]  # sync or async by context
    with logging_waits():
        state = await final_state(run.id, deployment_name)
    return await state.aresult()


async def final_state(run_id: UUID, deployment_name: str) -> State[Any]:
    """Wait until a run of a deployment has ended, through a crash that the server makes up for; returns the state it ended in."""
    standing = ""
    waiting = Waiting(f"a run of {deployment_name}", "cancel that run, or this one, in the UI", lambda: standing)
    async with get_client() as client:
        while True:
            run = await client.read_flow_run(run_id)
            if run.state is not None and run.state.is_final() and not _may_be_resumed(run.state):
                return run.state
            standing = await _describe(client, run)
            waiting.look()
            await asyncio.sleep(LOOK_SECONDS)


async def _describe(client: PrefectClient, run: FlowRun) -> str:
    """Phrase how a run stands, and what keeps it from being started."""
    standing = f"{run.name}: {(run.state and run.state.name) or 'unknown'}"
    if run.work_pool_name is None or (run.state and run.state.is_running()):
        return standing
    pool = await client.read_work_pool(run.work_pool_name)
    if pool.status is WorkPoolStatus.NOT_READY:
        return f"{standing}; the work pool {pool.name} has no worker: run `prefect worker start --pool {pool.name}`"
    if pool.status is WorkPoolStatus.PAUSED:
        return f"{standing}; the work pool {pool.name} is paused: resume it in the UI"
    return standing


def _may_be_resumed(state: State[Any]) -> bool:
    return state.is_crashed() and datetime.now(UTC) - state.timestamp < RESUMED_WITHIN
