"""The story of a run in its log: a line for each stage, also in the log of the run that people started.

Stages are runs of their own, whose logs have the details. Whoever opens the retraining reads in its log what each came to.
"""

from typing import Any, Final
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

_ROOTS: Final[dict[UUID, UUID]] = {}
"""The run that people started, for each run of this process."""


async def tell(line: str, *values: Any) -> None:
    """Log a line of the story; neither a transcript nor a secret belongs into it."""
    log, context = get_run_logger(), FlowRunContext.get()
    log.info(line, *values)
    run = context.flow_run if context else None
    if run is None or run.parent_task_run_id is None:
        return
    try:
        root = _ROOTS[run.id] = _ROOTS.get(run.id) or await _find_root(run)
    except Exception as error:  # noqa: BLE001 - the work goes on, whether or not a server tells whose stage it is
        log.debug("the story could not be told above: %s", error)
        return
    log.info(line, *values, extra={"flow_run_id": str(root), "task_run_id": None})


async def _find_root(run: FlowRun) -> UUID:
    async with get_client() as client:
        while run.parent_task_run_id is not None:
            caller = await client.read_task_run(run.parent_task_run_id)
            if caller.flow_run_id is None:
                break
            run = await client.read_flow_run(caller.flow_run_id)
    return run.id
