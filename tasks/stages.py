"""Stages run in this process, or as a run of their own deployment when the caller is a deployment itself.

A coordinator that a worker started must not hold the accelerator, and may lack torch; the stage's deployment is on a pool that
has both. The command line has no workers, so there the stage is an ordinary subflow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkPoolStatus
from prefect.deployments import run_deployment
from prefect.exceptions import TerminationSignal
from prefect.runtime import deployment, flow_run

from feedback_model.errors import Interrupted
from feedback_model.progress import check_stop
from feedback_model.waiting import Waiting
from tasks.cancellation import stopping_on_termination
from tasks.resources import logging_waits

LOOK_SECONDS = 1.0
# The server puts a crashed run back in the queue after 15 s of quiet; one that stays crashed this long will not come back.
RESUMED_WITHIN = timedelta(seconds=60)
CANCELLED_WITHIN = 60.0  # seconds; a worker that lives needs a few


async def run_stage(stage: Callable[..., Awaitable[Any]], deployment_name: str, **parameters: Any) -> Any:
    """Run `stage` with `parameters` and return its result; cancelled together, whichever of the two was.

    The idempotency key makes a resumed coordinator wait for the run it started before, instead of starting another.

    Raises:
        Exception: whatever the stage raised.
    """
    if deployment.id is None:
        return await stage(**parameters)
    key = f"{flow_run.id}:{deployment_name}:{sorted(parameters.items())}"
    run = await run_deployment(deployment_name, parameters=parameters, idempotency_key=key, timeout=0)  # type: ignore[misc]  # sync or async by context
    with stopping_on_termination(), logging_waits():
        state = await _final_state_or_cancelled(run.id, deployment_name)
        if state.is_cancelled() or state.is_cancelling():  # both end at once, not one after the other
            await _await_cancellation(f"{deployment_name} was cancelled")
    return await state.aresult()


async def _final_state_or_cancelled(run_id: UUID, deployment_name: str) -> State[Any]:
    """Return the state in which the run ended; it is cancelled when its coordinator is."""
    try:
        return await final_state(run_id, deployment_name)
    except (asyncio.CancelledError, TerminationSignal, Interrupted):
        await _cancel(run_id, "the run that started this one was cancelled")
        raise


async def _await_cancellation(reason: str) -> NoReturn:
    """Have this process's run cancelled as the UI would, so that it ends as Cancelled and not as Failed.

    Raises:
        Interrupted: nobody did so in time, as when the worker died.
    """
    await _cancel(UUID(flow_run.root_flow_run_id), reason)
    with suppress(TimeoutError):
        async with asyncio.timeout(CANCELLED_WITHIN):
            while True:
                check_stop()
                await asyncio.sleep(LOOK_SECONDS)
    raise Interrupted(f"{reason}, and this run with it")


async def _cancel(run_id: UUID, reason: str) -> None:
    async with get_client() as client:
        await client.set_flow_run_state(run_id, State(type=StateType.CANCELLING, message=reason))


async def final_state(run_id: UUID, deployment_name: str) -> State[Any]:
    """Wait until a run of a deployment has ended or is being cancelled, through a crash that the server makes up for."""
    standing = ""
    waiting = Waiting(f"a run of {deployment_name}", "cancel that run, or this one, in the UI", lambda: standing)
    async with get_client() as client:
        while True:
            run = await client.read_flow_run(run_id)
            if run.state is not None and _is_settled(run.state):
                return run.state
            if run.state is None or not run.state.is_running():  # how far one has come that runs, its own page says
                standing = await _describe(client, run)
                waiting.look()
            check_stop()
            await asyncio.sleep(LOOK_SECONDS)


async def _describe(client: PrefectClient, run: FlowRun) -> str:
    """Phrase how a run stands, and what keeps it from being started."""
    standing = f"{run.name}: {(run.state and run.state.name) or 'unknown'}"
    if run.work_pool_name is None:
        return standing
    pool = await client.read_work_pool(run.work_pool_name)
    if pool.status is WorkPoolStatus.NOT_READY:
        return f"{standing}; the work pool {pool.name} has no worker: run `prefect worker start --pool {pool.name}`"
    if pool.status is WorkPoolStatus.PAUSED:
        return f"{standing}; the work pool {pool.name} is paused: resume it in the UI"
    return standing


def _is_settled(state: State[Any]) -> bool:
    return state.is_cancelling() or (state.is_final() and not _may_be_resumed(state))


def _may_be_resumed(state: State[Any]) -> bool:
    return state.is_crashed() and datetime.now(UTC) - state.timestamp < RESUMED_WITHIN
