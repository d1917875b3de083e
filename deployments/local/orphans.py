"""Stages that nobody executes any more though the server counts them as Running: their run was taken over, and has ended.

A process that lost its run to another tells the server nothing, which would take it for the end of the other. A stage within the
run, which has no process of its own, then stays as it was.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

ASK_SECONDS: Final = 60.0
SETTLES: Final = 30.0
"""Seconds after the end of its run in which a stage may still say how it ended itself."""
_log = logging.getLogger(__name__)


async def end_orphans() -> None:
    """End such stages, for as long as nobody cancels this."""
    orphans = Orphans()
    while True:
        await asyncio.sleep(ASK_SECONDS)
        try:
            for name in await orphans.look():
                _log.warning("the stage %s is over: its run went on in another process, and has ended", name)
        except Exception as error:  # noqa: BLE001 - whatever it is: the next look may do better
            _log.info("stages could not be looked after: %s", error)


@dataclass
class Orphans:
    """Looks for such stages, again and again."""

    since: dict[UUID, float] = field(default_factory=dict[UUID, float])
    """When each of them was seen first, by the monotonic clock."""

    async def look(self) -> list[str]:
        """End those that were seen long enough ago; returns their names."""
        async with get_client() as client:
            found = [run for run in await _stages(client) if await _is_left(client, run)]
            present = time.monotonic()
            self.since = {run.id: self.since.get(run.id, present) for run in found}
            orphans = [run for run in found if present - self.since[run.id] >= SETTLES]
            for run in orphans:
                await client.set_flow_run_state(
                    run.id, Crashed(message="its run went on in another process"), force=True
                )
        return [run.name for run in orphans]


async def _stages(client: PrefectClient) -> list[FlowRun]:
    """List the stages within runs that count as being at work."""
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING])),
            deployment_id=FlowRunFilterDeploymentId(is_null_=True),
            parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=False),
        )
    )


async def _is_left(client: PrefectClient, run: FlowRun) -> bool:
    """Tell whether the run that a stage is a part of, however far above it, is over."""
    try:
        while run.parent_task_run_id is not None:
            above = await client.read_task_run(run.parent_task_run_id)
            if above.flow_run_id is None:
                return False
            run = await client.read_flow_run(above.flow_run_id)
    except ObjectNotFound:  # what is above it has been deleted
        return True
    return run.state is not None and run.state.is_final()
