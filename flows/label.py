"""Label what has landed, batch by batch."""

from prefect import flow

from feedback_model.labelling.client import open_labeller
from feedback_model.settings import Settings
from flows.parameters import Labeller, Limit
from tasks.labelling import label_documents, plan_label_batches, sum_counts, wait_for_others


@flow(name="label", flow_run_name="label with {labeller}", description="Buy the labels that are missing.")
async def label(labeller: Labeller = "openai", limit: Limit = 0) -> dict[str, float | None]:
    """Ask the labeller for every label that is missing; what is in the ledger is never bought again."""
    async with open_labeller(labeller, Settings()) as endpoint:
        batches = await plan_label_batches(endpoint, limit)
        counts = [await label_documents(endpoint, batch, number) for number, batch in enumerate(batches, 1)]
        await wait_for_others(endpoint)
    return sum_counts(counts)
