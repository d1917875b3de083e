"""Runs whose process is gone, put back at once: without waiting for the silence after which the server's automations would.

`feedback up` can see which runs have a process on its machine. Where another machine has workers too, it cannot, and leaves all
to the automations.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, Cancelled, Crashed

from deployments.automations import RESUMABLE
from deployments.deploy import POOLS
from deployments.local.left_processes import runs_at_work

STARTS_WITHIN: Final = timedelta(seconds=30)
"""A worker takes a run before it has a process for it."""
REPORTED_WITHIN: Final = timedelta(seconds=10)
"""A worker that lives reports a process that died, twice, some seconds apart."""
STRANGER_WITHIN: Final = timedelta(hours=1)
"""A worker that was heard of so lately may still be at work, though the server was away meanwhile."""

LOOK_SECONDS: Final = 5.0

_UNFINISHED: Final = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_GONE: Final = "its process is gone"


@contextmanager
def recovering(home: Path, workers: Collection[str], tell: Callable[[str], None]) -> Generator[None]:
    """Put back what an earlier start lost, before there are workers, and during the block whatever loses its process."""
    ended = threading.Event()

    def look(at_once: bool) -> None:
        try:
            for name in asyncio.run(recover_runs(home, workers, at_once=at_once)):
                tell(f"the run {name} goes on: {_GONE}")
        except Exception as error:  # noqa: BLE001 - whatever it is: the automations make up for it, a minute or two later
            logging.getLogger(__name__).info("runs could not be looked after: %s", error)

    def attend() -> None:
        while not ended.wait(LOOK_SECONDS):
            look(at_once=False)

    look(at_once=True)
    threading.Thread(target=attend, name="recovery", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


async def recover_runs(home: Path, workers: Collection[str], *, at_once: bool) -> list[str]:
    """Put back every unfinished run without a process, at most three times each; one that was being cancelled is cancelled.

    Args:
        home: of the processes to look at.
        workers: names of the workers of this machine.
        at_once: there is no worker now that might still start one, or report that one died.

    Returns:
        The names of the runs.
    """
    async with get_client() as client:
        unfinished = await _unfinished(client)
        at_work = runs_at_work(home) if unfinished else ()
        lost = [run for run in unfinished if str(run.id) not in at_work and (at_once or _is_stale(run))]
        if not lost or await _strangers(client, workers):
            return []
        for run in lost:
            await _put_back(client, run)
    return [run.name for run in lost]


async def _unfinished(client: PrefectClient) -> list[FlowRun]:
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_UNFINISHED)))
    # A subflow goes on with its parent, and a flow of the command line is nobody's but its own.
    deployed = FlowRunFilterDeploymentId(is_null_=False)
    return await client.read_flow_runs(flow_run_filter=FlowRunFilter(state=states, deployment_id=deployed))


def _is_stale(run: FlowRun) -> bool:
    if run.state is None:
        return False
    patience = STARTS_WITHIN if run.state.is_pending() else REPORTED_WITHIN
    return datetime.now(UTC) - run.state.timestamp > patience


async def _strangers(client: PrefectClient, workers: Collection[str]) -> bool:
    """Tell whether somebody else's worker may have them."""
    since = datetime.now(UTC) - STRANGER_WITHIN
    found = [worker for pool in POOLS for worker in await client.read_workers_for_work_pool(pool)]
    return any(one.name not in workers and (one.last_heartbeat_time or since) > since for one in found)


async def _put_back(client: PrefectClient, run: FlowRun) -> None:
    if run.state is not None and run.state.is_cancelling():
        await client.set_flow_run_state(run.id, Cancelled(message=_GONE), force=True)
        return
    await client.set_flow_run_state(run.id, Crashed(message=_GONE))  # which frees its slot
    if run.run_count <= len(RESUMABLE):
        await client.set_flow_run_state(run.id, AwaitingRetry(message=f"resumed, since {_GONE}"))
