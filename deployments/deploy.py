"""Deployment to a Prefect server: work pools, deployments, default schedules, automations.

May be run any number of times. The code owns what a deployment runs (entrypoint, parameter schema, pull steps);
everything that people can change in the UI (schedules, pauses, parameters, limits, tags, descriptions, pools) is set
once, when it is created, and then theirs.
"""

import inspect
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from deployments.automations import ensure_automations, safety_net
from deployments.deployed import Deployed
from deployments.notifications import prepare_notifications

MANIFEST = Path(__file__).with_name("prefect.yaml")


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """One deployment as `prefect.yaml` has it."""

    name: str
    """The part after the slash: `on-demand`."""
    entrypoint: str
    """Dotted path of the flow function."""
    description: str
    tags: tuple[str, ...]
    pool: str
    """Work pool that runs it."""
    limit: int | None
    """Runs at once; None means no bound."""
    collision_strategy: str
    """What becomes of a run beyond the limit."""
    triggers: tuple[Mapping[str, Any], ...]
    """Event triggers in Prefect's own words."""

    @property
    def flow_name(self) -> str:
        """What stands before the slash; flows are called as their functions are, with hyphens."""
        return self.entrypoint.rsplit(".", 1)[1].replace("_", "-")


def read_manifest() -> tuple[DeploymentSpec, ...]:
    """List the deployments of `prefect.yaml`, in its order."""
    document = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    return tuple(_spec(entry) for entry in document["deployments"])


def _spec(entry: Mapping[str, Any]) -> DeploymentSpec:
    limit = entry.get("concurrency_limit", {})
    return DeploymentSpec(
        name=entry["name"],
        entrypoint=entry["entrypoint"],
        description=entry["description"],
        tags=tuple(entry["tags"]),
        pool=entry["work_pool"]["name"],
        limit=limit.get("limit"),
        collision_strategy=limit.get("collision_strategy", "ENQUEUE"),
        triggers=tuple(entry.get("triggers", ())),
    )


# Runs at once in each pool; coordinators on `cpu` only wait, so a few more than cores do no harm.
POOLS = {"cpu": 8, "gpu": 1}

_NAME_CODE = frozenset({"command", "working_dir"})
"""Job variables that Prefect has, and no run of ours needs: whoever may set them has any command executed."""
_ENVIRONMENT = "^((FEEDBACK|WANDB)_[A-Z0-9_]+|OPENAI_API_KEY|CUDA_VISIBLE_DEVICES|OMP_NUM_THREADS)$"
"""Variables of the environment that a run may be given: not those by which libraries and interpreters find code."""

SEEDED_SCHEDULES = {
    "land/watch-inbox": DeploymentScheduleCreate(
        schedule=CronSchedule(cron="*/5 * * * *", timezone="UTC"), slug="every-5-minutes"
    ),
    "retrain/nightly": DeploymentScheduleCreate(
        schedule=CronSchedule(cron="0 2 * * *", timezone="UTC"), slug="nightly"
    ),
    "housekeeping/weekly": DeploymentScheduleCreate(
        schedule=CronSchedule(cron="0 4 * * 0", timezone="UTC"), slug="weekly", parameters={"dry_run": False}
    ),
}


async def bootstrap(
    parameters: Mapping[str, Any] | None = None, notify_url: SecretStr | None = None
) -> tuple[Deployed, ...]:
    """Bring the server at `PREFECT_API_URL` to what `prefect.yaml` and this module say.

    Args:
        parameters: new defaults for every deployment that has a parameter of that name; kept by later calls without them.
        notify_url: where failures, promotions and data that waits are told of; None: nowhere, from now on.

    Raises:
        ConfigurationError: `notify_url` is none that notifications can be sent to.
    """
    async with get_client() as client:
        for pool, limit in POOLS.items():
            await _ensure_pool(client, pool, limit)
        automations = [*safety_net(), *await prepare_notifications(client, notify_url)]
        deployed: list[Deployed] = []
        for spec in read_manifest():
            deployment = await _ensure_deployment(client, spec, parameters or {})
            automations += _triggered_automations(spec, deployment.id)
            deployed.append(_describe(deployment, spec))
        await ensure_automations(client, automations)
    return tuple(deployed)


async def _ensure_pool(client: PrefectClient, name: str, limit: int) -> None:
    template = job_template()
    try:
        found = await client.read_work_pool(name)
    except ObjectNotFound:
        # With its template there from the start, no worker has to write it, which two at once do in each other's way.
        await client.create_work_pool(
            WorkPoolCreate(name=name, type="process", base_job_template=template, concurrency_limit=limit)
        )
        return
    if _names_code(found.base_job_template):
        await client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))


async def allow_hosts(pool: str, hosts: int) -> None:
    """Let so many runs of a pool, and of each of its deployments with a limit, be at work at once; each host takes one."""
    async with get_client() as client:
        await client.update_work_pool(pool, WorkPoolUpdate(concurrency_limit=hosts))
        for spec in read_manifest():
            if spec.pool == pool and spec.limit is not None:
                found = await client.read_deployment_by_name(f"{spec.flow_name}/{spec.name}")
                await client.update_deployment(found.id, DeploymentUpdate(concurrency_limit=hosts))


def job_template() -> dict[str, Any]:
    """Return what a run may be told of its process: Prefect's own template without what decides which code that executes."""
    template = deepcopy(ProcessWorker.get_default_base_job_template())
    for name in _NAME_CODE:
        del template["job_configuration"][name], template["variables"]["properties"][name]
    template["variables"]["additionalProperties"] = False
    template["variables"]["properties"]["env"]["propertyNames"] = {"pattern": _ENVIRONMENT}
    return template


def _names_code(template: Mapping[str, Any]) -> bool:
    variables = template.get("variables", {})
    return variables.get("additionalProperties", True) or not _NAME_CODE.isdisjoint(variables.get("properties", {}))


async def _ensure_deployment(
    client: PrefectClient, spec: DeploymentSpec, parameters: Mapping[str, Any]
) -> DeploymentResponse:
    flow: Flow[..., Any] = load_flow_from_entrypoint(spec.entrypoint)
    schema = run_form(flow)
    chosen = {name: value for name, value in parameters.items() if name in schema["properties"]}
    name = f"{flow.name}/{spec.name}"
    try:
        found = await client.read_deployment_by_name(name)
    except ObjectNotFound:
        return await client.read_deployment(await _create(client, flow, spec, schema, chosen))
    change = _code_owned_change(found, spec, schema)
    if chosen:
        change["parameters"] = {**found.parameters, **chosen}
    if change:  # each update drops the runs that the schedules have planned, so not without need
        await client.update_deployment(found.id, DeploymentUpdate(**change))
    return await client.read_deployment(found.id)


def run_form(flow: Flow[..., Any]) -> dict[str, Any]:
    """Return the schema of the run form, with the titles and descriptions of the annotations, which Prefect leaves out."""
    schema = parameter_schema(flow).model_dump_for_openapi()
    for name, parameter in inspect.signature(flow.fn).parameters.items():
        for field in getattr(parameter.annotation, "__metadata__", ()):
            if isinstance(field, FieldInfo):
                schema["properties"][name] |= {"title": field.title or name, "description": field.description or ""}
    return schema


async def _create(
    client: PrefectClient,
    flow: Flow[..., Any],
    spec: DeploymentSpec,
    schema: dict[str, Any],
    parameters: dict[str, Any],
) -> UUID:
    seeded = SEEDED_SCHEDULES.get(f"{flow.name}/{spec.name}")
    return await client.create_deployment(
        flow_id=await client.create_flow_from_name(flow.name),
        name=spec.name,
        entrypoint=spec.entrypoint,
        description=spec.description,
        tags=list(spec.tags),
        work_pool_name=spec.pool,
        parameters=parameters,
        parameter_openapi_schema=schema,
        enforce_parameter_schema=True,
        pull_steps=[],
        schedules=[seeded] if seeded else [],
        concurrency_limit=spec.limit,
        concurrency_options=_collision(spec),
    )


def _collision(spec: DeploymentSpec) -> ConcurrencyOptions | None:
    if spec.limit is None:
        return None
    return ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy(spec.collision_strategy))


def _code_owned_change(found: DeploymentResponse, spec: DeploymentSpec, schema: dict[str, Any]) -> dict[str, Any]:
    """Find what differs between the deployment and the code, among the things that only the code decides."""
    wanted = {"entrypoint": spec.entrypoint, "pull_steps": [], "parameter_openapi_schema": schema}
    return {name: value for name, value in wanted.items() if (getattr(found, name) or type(value)()) != value}


def _triggered_automations(spec: DeploymentSpec, deployment_id: UUID) -> list[AutomationCore]:
    triggers = [DeploymentEventTrigger.model_validate(trigger) for trigger in spec.triggers]
    for trigger in triggers:
        trigger.set_deployment_id(deployment_id)
    return [trigger.as_automation() for trigger in triggers]


def _describe(deployment: DeploymentResponse, spec: DeploymentSpec) -> Deployed:
    schedules = [_schedule_words(one.schedule) for one in deployment.schedules if one.active]
    starts = schedules + ["when data has landed"] * bool(spec.triggers)
    return Deployed(
        deployment_id=str(deployment.id),
        name=f"{spec.flow_name}/{deployment.name}",
        pool=deployment.work_pool_name or "",
        starts="paused" if deployment.paused else ", ".join(starts) or "by hand",
        parameters=deployment.parameters,
    )


def _schedule_words(schedule: Any) -> str:
    if isinstance(schedule, CronSchedule):
        return f"cron {schedule.cron} {schedule.timezone or 'UTC'}"
    interval = getattr(schedule, "interval", None)
    return f"every {interval}" if interval else "by schedule"
