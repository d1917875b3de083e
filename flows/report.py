"""Write the report of an evaluation."""

from prefect import flow

from flows.parameters import EvaluationId
from tasks.endings import completed
from tasks.reporting import write_html_report


@flow(name="report", description="One self-contained HTML page about an evaluation.")
async def report(evaluation_id: EvaluationId = "") -> str:
    """Write the report of `evaluation_id` (empty: the latest); returns its path."""
    path = await write_html_report(evaluation_id)
    return completed(path, f"the report is {path}")
