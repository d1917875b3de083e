"""Where a stage runs: in this process, or as a run of its own deployment when the caller is a deployment itself.

A coordinator that a worker started must not hold the accelerator, and may lack torch; the stage's deployment is on a pool that
has both. The command line has no workers, so there the stage is an ordinary subflow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run

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
    state = await _final_state(run.id)
    return await state.aresult()


async def _final_state(run_id: UUID) -> State[Any]:
    """The state in which the run ended, waiting through a crash that the server makes up for."""
    async with get_client() as client:
        while True:
            state = (await client.read_flow_run(run_id)).state
            if state is not None and state.is_final() and not _may_be_resumed(state):
                return state
            await asyncio.sleep(LOOK_SECONDS)


def _may_be_resumed(state: State[Any]) -> bool:
    return state.is_crashed() and datetime.now(UTC) - state.timestamp < RESUMED_WITHIN
