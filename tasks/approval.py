"""Approval by a person: the run is suspended, and the form that resumes it asks."""

import asyncio
from typing import Final

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.exceptions import Pause
from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from pydantic import Field

from feedback_model.records.retraining import RetrainingDecision, answered
from feedback_model.store.owners import process_owner
from feedback_model.store.retraining import add_decision, untrained_data
from tasks.resources import resources
from tasks.retrainings import retrainings
from tasks.retries import RETRIES
from tasks.story import tell

HEARTBEAT_ARRIVES: Final = 2.0  # seconds
"""A run that is suspended as soon as it runs is followed by its first heartbeat. To the automation for silent runs that would be
the last sign of it; so one more event follows the heartbeat."""


class Approval(RunInput):
    """What a person is asked when resuming the run."""

    retrain: bool = Field(default=False, title="Retrain", description="Off: what has landed waits for more.")
    note: str = Field(default="", title="Note", description="Kept with the decision.")


async def ask_a_person(waiting: RetrainingDecision) -> RetrainingDecision:
    """Have a person decide, in the UI; from the command line, where nobody could be asked, whoever gave the command has.

    The process ends here the first time. Once somebody has resumed the run it begins anew, comes here again and has the answer.
    """
    if deployment.id is None:
        return await _keep(approved=True, note="by giving the command")
    if await _is_being_asked():
        return waiting
    question = f"{waiting.sentence}. Retraining buys the labels that are missing, and takes the GPU."
    try:
        answer = await asuspend_flow_run(
            wait_for_input=Approval.with_initial_data(description=question),
            key=f"approval-{flow_run.run_count}",  # one that is asked again after a crash has another
        )
    except Pause:
        await asyncio.sleep(HEARTBEAT_ARRIVES)
        emit_event("prefect.flow-run.Asked", resource={"prefect.resource.id": f"prefect.flow-run.{flow_run.id}"})
        raise
    return await _keep(approved=answer.retrain, note=answer.note)


async def _is_being_asked() -> bool:
    """Tell whether another run waits for a person's answer."""
    return any(str(run.id) != flow_run.id for run in await retrainings(StateType.PAUSED))


# Not cached: each answer is a row.
@task(name="keep the answer", cache_policy=NO_CACHE, **RETRIES)
async def _keep(*, approved: bool, note: str) -> RetrainingDecision:
    decision = answered(approved, note)
    with resources() as (_settings, store):
        add_decision(store, untrained_data(store, process_owner()), decision, process_owner())
    await tell("%s: %s", decision.verdict, decision.sentence)
    return decision
