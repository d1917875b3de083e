"""Automations of the server for runs whose process, worker or machine died.

A run that stops sending heartbeats, or never begins, is Crashed; a Crashed run of a deployment is put back in the queue, at most
three times; a run that a worker took and never started is Crashed, which frees its slot. Finished tasks are not repeated, and
what must not happen twice is fenced in the database, not here.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

HEARTBEAT_SECONDS = 30  # the least Prefect allows
SILENCE = timedelta(seconds=3 * HEARTBEAT_SECONDS)  # one lost heartbeat is a hiccup, three are a death
PENDING = timedelta(seconds=120)  # a process has been seen to need 15 s to start on a loaded machine
# A runner and its worker report one crash each, about 4 s apart. Waiting for the silence after the last one resumes
# once; reacting to each was seen to run the flow twice at once.
CRASH_SETTLES = timedelta(seconds=15)
RESUMABLE = ["1", "2", "3"]  # run counts; 0 never started, so starting it again would fail again

_RUN = "prefect.flow-run"
EVERY_RUN = {"prefect.resource.id": f"{_RUN}.*"}
_OURS = {"prefect.resource.role": "work-pool", "prefect.resource.name": ["cpu", "gpu"]}
"""Other people's runs may send no heartbeats."""


def _events(*names: str) -> set[str]:
    return {f"{_RUN}.{name}" for name in names}


_STARTED_OR_OVER = _events("Running", "Completed", "Failed", "Crashed", "Cancelling", "Cancelled", "Paused")
_QUEUED = _events("Scheduled", "AwaitingRetry", "AwaitingConcurrencySlot", "Late")
_BACK = _events("Scheduled", "AwaitingRetry", "Pending", "Running")


def _trigger(
    after: set[str],
    expect: set[str],
    within: timedelta,
    match: Mapping[str, Any] = EVERY_RUN,
    match_related: Mapping[str, Any] = {},
) -> EventTrigger:
    return EventTrigger(
        after=after,
        expect=expect,
        within=within,
        posture=Posture.Proactive,
        threshold=1,
        for_each={"prefect.resource.id"},
        match=ResourceSpecification(dict(match)),
        match_related=ResourceSpecification(dict(match_related)),
    )


def _becomes(state: StateType, name: str, message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=state, name=name, message=message, force=False)


def safety_net() -> tuple[AutomationCore, ...]:
    """Return the automations that every server of ours has."""
    silent = AutomationCore(
        name="crash runs that fell silent",
        description="A run without a heartbeat lost its process or its machine.",
        trigger=_trigger(_events("heartbeat"), _events("*"), SILENCE),
        actions=[_becomes(StateType.CRASHED, "Crashed", "no heartbeat for 90 seconds")],
    )
    speechless = AutomationCore(
        name="crash runs that never spoke",
        description="A run of our workers sends its first heartbeat as it starts; one that sent none has lost its process.",
        trigger=_trigger(_events("Running"), _events("*"), SILENCE, match_related=_OURS),
        actions=[_becomes(StateType.CRASHED, "Crashed", "no heartbeat for 90 seconds")],
    )
    stranded = AutomationCore(
        name="crash runs that never started",
        description="A worker took the run and died before starting it; its slot is freed.",
        trigger=_trigger(_events("Pending", "Submitting"), _STARTED_OR_OVER | _QUEUED, PENDING),
        actions=[_becomes(StateType.CRASHED, "Crashed", "taken by a worker and not started in 120 seconds")],
    )
    resumed = AutomationCore(
        name="resume crashed runs",
        description="The same run goes on where its tasks stopped, at most three times.",
        trigger=_trigger(
            _events("Crashed"),
            _BACK,
            CRASH_SETTLES,
            match={**EVERY_RUN, "prefect.run-count": RESUMABLE},
            # A subflow goes on with its parent; by itself nobody would pick it up.
            match_related={"prefect.resource.id": "prefect.deployment.*"},
        ),
        actions=[_becomes(StateType.SCHEDULED, "AwaitingRetry", "resumed after a crash")],
    )
    return silent, speechless, stranded, resumed


async def ensure_automations(client: PrefectClient, wanted: Sequence[AutomationCore]) -> None:
    """Create what is missing by name, and renew what an older version of us defined; what people changed stays theirs."""
    for automation in wanted:
        marked = automation.model_copy(update={"description": f"{automation.description} {_mark(automation)}".strip()})
        found = await client.read_automations_by_name(automation.name)
        if not found:
            await client.create_automation(marked)
        elif _mark(automation) not in found[0].description:
            await _renew(client, found[0], marked)


async def _renew(client: PrefectClient, found: Automation, wanted: AutomationCore) -> None:
    renewed = AutomationCore(  # without its owner, which cannot be changed and must not be said again
        name=wanted.name,
        description=wanted.description,
        enabled=found.enabled,
        trigger=wanted.trigger,
        actions=wanted.actions,
    )
    await client.update_automation(found.id, renewed)


def _mark(automation: AutomationCore) -> str:
    """Names the definition, whatever people make of it later."""
    definition = json.dumps(automation.model_dump(exclude={"description", "enabled"}), sort_keys=True, default=_plain)
    return f"[definition {hashlib.sha256(definition.encode()).hexdigest()[:8]}]"


def _plain(value: object) -> list[str] | str:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
