"""Retrain when data has landed: claim it, run the whole loop, and look again before going home."""

from typing import Any

from prefect import flow

from feedback_model.records.retraining import RetrainingDecision
from feedback_model.training.base_model import DEFAULT_BASE_MODEL
from flows.parameters import DEFAULT_LABELLER, DEFAULT_SHARE, AtOnce, BaseModel, Labeller, Share, takes_recipe
from flows.pipeline import pipeline
from tasks.approval import ask_a_person
from tasks.batches import claim, decide, finishing, tell_why_retrained
from tasks.endings import completed
from tasks.evaluation import tell_verdict


@flow(
    name="retrain",
    flow_run_name="retrain {base_model}",
    description="Claim what has landed and run the whole loop on everything; nothing to claim is nothing to do.",
)
@takes_recipe
async def retrain(
    labeller: Labeller = DEFAULT_LABELLER,
    base_model: BaseModel = DEFAULT_BASE_MODEL,
    augmentation_share: Share = DEFAULT_SHARE,
    at_once: AtOnce = False,
    **recipe: Any,
) -> int:
    """Retrain until no landed batch is unclaimed; returns how many batches were trained on.

    Too little data, and the wrong hour, are reasons to wait and no failure: each decision stands in the view
    `retraining_decisions` and in an artifact.

    The event that started this run only woke it. What is to be done stands in the database, so an event that was lost, or that
    came while a run was at work, is made up for by looking again.
    """
    trained, outcome = 0, ""
    while (decision := await _decide(at_once, is_first=not trained)).verdict == "retrain":
        batches = await claim()
        if not batches:  # another retraining was faster
            break
        async with finishing(batches):
            evaluation_id = await pipeline(
                labeller=labeller, base_model=base_model, augmentation_share=augmentation_share, **recipe
            )
        trained, outcome = trained + len(batches), await tell_verdict(evaluation_id)
        await tell_why_retrained(decision, outcome)
        if decision.reason == "approved":  # for this data; about what came since another run asks
            break
    return completed(trained, outcome or decision.sentence)


async def _decide(at_once: bool, *, is_first: bool) -> RetrainingDecision:
    """Decide by the rules, and by a person where they say so."""
    decision = await decide(at_once, is_first=is_first)
    return await ask_a_person(decision) if decision.reason == "unapproved" else decision
