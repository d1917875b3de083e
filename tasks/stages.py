"""Where a stage runs: in this process, or as a run of its own deployment when the caller is a deployment itself.

A coordinator that a worker started must not hold the accelerator, and may lack torch; the stage's deployment is on a pool that
has both. The command line has no workers, so there the stage is an ordinary subflow.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run


async def run_stage(stage: Callable[..., Awaitable[Any]], deployment_name: str, **parameters: Any) -> Any:
    """Run `stage` with `parameters` and return its result.

    The idempotency key makes a resumed coordinator wait for the run it started before, instead of starting another.

    Raises:
        Exception: whatever the stage raised.
    """
    if deployment.id is None:
        return await stage(**parameters)
    run = await run_deployment(  # type: ignore[misc]
        deployment_name,
        parameters=parameters,
        idempotency_key=f"{flow_run.id}:{deployment_name}:{sorted(parameters.items())}",
    )
    return await run.state.aresult()
