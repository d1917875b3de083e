"""Runs of `retrain` that the server knows, and where in its UI one goes on from them."""

from typing import Final

from prefect import get_client, get_run_logger
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

from feedback_model.records.retraining import OVERRULED_AT_ONCE, Reason
from tasks.links import RETRAIN, artifact_link, flow_run_link, run_form_link

_RESULTS: Final = {
    "report": "The report",
    "results": "Every model measured",
    "decision": "The decision about the champion",
    "training-curve": "The training's curve",
    "data-quality": "What had landed",
    "cost": "What it cost",
}
"""Pages that retrainings leave, by key, with what a link to them says."""


async def retrainings(*states: StateType, deployment: str | None = None) -> list[FlowRun]:
    """List those in one of `states`, of one deployment or of all."""
    named = DeploymentFilter(name=DeploymentFilterName(any_=[deployment])) if deployment else None
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["retrain"])),
            deployment_filter=named,
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        )


async def way_on(reason: Reason) -> list[str]:
    """Link to where a person has a retraining that waits begun all the same; nowhere where nothing is deployed."""
    if reason == "unapproved":
        return [f"[Answer in the menu of this run]({flow_run_link(str(flow_run.id))}): *Resume*"]
    if reason not in OVERRULED_AT_ONCE:
        return []
    async with get_client() as client:
        try:
            deployed = await client.read_deployment_by_name(RETRAIN)
        except ObjectNotFound:
            return []
    form = run_form_link(str(deployed.id), {**deployed.parameters, "at_once": True})
    return [f"[Retrain at once, all the same]({form}): a form that is filled in"]


async def results_shown() -> list[str]:
    """Link to what the newest retraining left, as far as the server has it."""
    wanted = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=list(_RESULTS)))
    try:
        async with get_client() as client:
            newest = await client.read_latest_artifacts(artifact_filter=wanted)
    except Exception as error:  # noqa: BLE001 - links are a help: what was done stands without them
        get_run_logger().debug("no links: %s", error)
        return []
    links = {each.key: artifact_link(str(each.latest_id)) for each in newest}
    return [f"[{words}]({links[key]})" for key, words in _RESULTS.items() if key in links]
