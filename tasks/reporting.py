"""The report, and a pointer to it in the Prefect UI."""

import asyncio

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from eval.report.write import write_report
from tasks.progress import publishing_progress
from tasks.resources import resources
from tasks.retries import RETRIES


# Not cached: the file must be there, and another evaluation may be the latest.
@task(name="write report", cache_policy=NO_CACHE, **RETRIES)
async def write_html_report(evaluation_id: str) -> str:
    """Write the HTML report of an evaluation (empty: the latest); returns its path."""
    with resources() as (settings, store):
        async with publishing_progress():
            path = await asyncio.to_thread(write_report, store, settings, evaluation_id or None)
    await acreate_markdown_artifact(key="report", markdown=f"The report lies at `{path}`.", description="where it is")
    return str(path)
