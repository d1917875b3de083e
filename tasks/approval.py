"""Approval by a person: the run is suspended, and the form that resumes it asks."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment
from pydantic import Field

from feedback_model.records.retraining import RetrainingDecision, answered
from feedback_model.store.owners import process_owner
from feedback_model.store.retraining import add_decision, untrained_data
from tasks.resources import resources
from tasks.retries import RETRIES


class Approval(RunInput):
    """What a person is asked when resuming the run."""

    retrain: bool = Field(default=True, title="Retrain", description="Off: what has landed waits for more.")
    note: str = Field(default="", title="Note", description="Kept with the decision.")


async def ask_a_person(waiting: RetrainingDecision) -> RetrainingDecision:
    """Have a person decide, in the UI; from the command line, where nobody could be asked, whoever gave the command has.

    The process ends here the first time. Once somebody has resumed the run it begins anew, comes here again and has the answer.
    """
    if deployment.id is None:
        return await _keep(approved=True, note="by giving the command")
    question = f"{waiting.sentence}. Retraining buys the labels that are missing, and takes the GPU."
    answer = await asuspend_flow_run(wait_for_input=Approval.with_initial_data(description=question), key="approval")
    return await _keep(approved=answer.retrain, note=answer.note)


# Not cached: each answer is a row.
@task(name="keep the answer", cache_policy=NO_CACHE, **RETRIES)
async def _keep(*, approved: bool, note: str) -> RetrainingDecision:
    decision = answered(approved, note)
    with resources() as (_settings, store):
        add_decision(store, untrained_data(store), decision, process_owner())
    get_run_logger().info("%s: %s", decision.verdict, decision.sentence)
    return decision
