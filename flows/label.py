"""Label what has landed."""

from prefect import flow

from eval.report.run_pages import phrase_labels
from flows.parameters import DEFAULT_LABELLER, AgainFailed, Budget, Labeller, LabelMode, Limit
from tasks.endings import completed
from tasks.labelling import check_labels, label_what_is_missing, watch_for_drift


@flow(name="label", flow_run_name="label with {labeller}", description="Buy the labels that are missing.")
async def label(
    labeller: Labeller = DEFAULT_LABELLER,
    limit: Limit = 0,
    again: AgainFailed = False,
    budget: Budget = 0.0,
    mode: LabelMode = "now",
) -> dict[str, float | None]:
    """Ask the labeller for every label that is missing; what is paid for is never bought again."""
    counts = await label_what_is_missing(labeller, limit, again, budget, mode)
    await check_labels(labeller)
    if counts.labelled:
        await watch_for_drift(labeller)
    found = {"labelled": counts.labelled, "failed": counts.failed, "cost_usd": counts.cost_usd}
    return completed(found, phrase_labels(counts.labelled, counts.failed, counts.cost_usd))
