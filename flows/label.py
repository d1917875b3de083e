"""Label what has landed, batch by batch."""

from prefect import flow

from feedback_model.labelling.client import open_labeller
from feedback_model.settings import Settings
from flows.parameters import AgainFailed, Labeller, Limit
from tasks.labelling import check_labels, label_documents, label_the_rest, plan_label_batches, sum_counts


@flow(name="label", flow_run_name="label with {labeller}", description="Buy the labels that are missing.")
async def label(labeller: Labeller = "openai", limit: Limit = 0, again: AgainFailed = False) -> dict[str, float | None]:
    """Ask the labeller for every label that is missing; what is in the ledger is never bought again."""
    async with open_labeller(labeller, Settings()) as endpoint:
        batches = await plan_label_batches(labeller, limit, again)
        counts = [await label_documents(endpoint, batch) for batch in batches]
        if not limit:
            counts.append(await label_the_rest(endpoint, labeller))
        await check_labels(labeller)
    return sum_counts(counts)
