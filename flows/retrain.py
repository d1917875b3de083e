"""Retrain when data has landed: claim it, run the whole loop, and look again before going home."""

from prefect import flow

from feedback_model.training.base_model import DEFAULT_BASE_MODEL
from flows.parameters import BaseModel, Epochs, Labeller, Precision, Seed, Share
from flows.pipeline import pipeline
from tasks.batches import claim, finishing
from tasks.endings import completed
from tasks.evaluation import tell_verdict


@flow(
    name="retrain",
    flow_run_name="retrain {base_model}",
    description="Claim what has landed and run the whole loop on everything; nothing to claim is nothing to do.",
)
async def retrain(
    labeller: Labeller = "openai",
    base_model: BaseModel = DEFAULT_BASE_MODEL,
    epochs: Epochs = 3,
    precision: Precision = "float16",
    augmentation_share: Share = 0.1,
    seed: Seed = 0,
) -> int:
    """Retrain until no landed batch is unclaimed; returns how many batches were trained on.

    The event that started this run only woke it. What is to be done stands in the database, so an event that was lost, or that
    came while a run was at work, is made up for by looking again.
    """
    trained, outcome = 0, "nothing new to train on"
    while batches := await claim():
        async with finishing(batches):
            evaluation_id = await pipeline([], labeller, base_model, epochs, precision, augmentation_share, seed)
        trained, outcome = trained + len(batches), await tell_verdict(evaluation_id)
    return completed(trained, outcome)
