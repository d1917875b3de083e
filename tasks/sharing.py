"""Work that hosts share: beside the run that needs it, one on each other host, for as long as that takes.

Each takes from the database what nobody else has taken, so it does not matter how many there are, when they begin, or whether one
of them vanishes: the run that needs the work finds all of it done, or does it itself.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkerStatus
from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled

_LISTED = 200  # workers that the server lists at once


@asynccontextmanager
async def helped(
    deployment_name: str, *, worth_it: Callable[[], bool] = lambda: True, **parameters: Any
) -> AsyncGenerator[None]:
    """Have every other host that works for a deployment's pool run it too, during the block; then call off what has not begun.

    A command has no hosts, and a coordinator that is resumed finds the runs that it had started before.

    Args:
        worth_it: asked where there are other hosts; else none is.
    """
    runs: list[UUID] = []
    if deployment.id is not None:
        with _passed_over():
            runs = await _start(deployment_name, worth_it, parameters)
    try:
        yield
    finally:
        if runs:
            with _passed_over():
                await _call_off(runs)


@contextmanager
def _passed_over() -> Generator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the work is done without help as well
        get_run_logger().info("no other host helps: %s", error)


async def _start(deployment_name: str, worth_it: Callable[[], bool], parameters: dict[str, Any]) -> list[UUID]:
    async with get_client() as client:
        others = await _other_hosts(client, deployment_name)
    if not others or not worth_it():
        return []
    key = f"{flow_run.id}:help:{deployment_name}:{sorted(parameters.items())}"
    runs = [
        await run_deployment(deployment_name, parameters=parameters, idempotency_key=f"{key}:{number}", timeout=0)  # type: ignore[misc]  # sync or async by context
        for number in range(others)
    ]
    get_run_logger().info("%d other hosts are asked to help, as %s", others, ", ".join(run.name for run in runs))
    return [run.id for run in runs]


async def _other_hosts(client: PrefectClient, deployment_name: str) -> int:
    """Count the workers of the deployment's pool that the server hears of, without the one that this run, or its stage, takes."""
    pool = (await client.read_deployment_by_name(deployment_name)).work_pool_name or ""
    workers = await client.read_workers_for_work_pool(pool, limit=_LISTED)
    return max(0, sum(worker.status is WorkerStatus.ONLINE for worker in workers) - 1)


async def _call_off(runs: list[UUID]) -> None:
    """Cancel those that no process has begun; the others find nothing to do, and end by themselves."""
    async with get_client() as client:
        for run_id in runs:
            state = (await client.read_flow_run(run_id)).state
            if state is None or state.is_scheduled():
                await client.set_flow_run_state(run_id, Cancelled(message="what it was to help with is done"))
