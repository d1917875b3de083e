"""Runs of `retrain` that the server knows."""

from prefect import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType


async def retrainings(*states: StateType, deployment: str | None = None) -> list[FlowRun]:
    """List those in one of `states`, of one deployment or of all."""
    named = DeploymentFilter(name=DeploymentFilterName(any_=[deployment])) if deployment else None
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["retrain"])),
            deployment_filter=named,
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        )
