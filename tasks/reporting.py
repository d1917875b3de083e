"""The report, and a pointer to it in the Prefect UI."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from eval.report.write import write_report
from tasks.artifacts import show
from tasks.cancellation import in_thread
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retries import RETRIES
from tasks.story import tell


# Not cached: the file must be there, and another evaluation may be the latest.
@task(name="write report", cache_policy=NO_CACHE, **RETRIES)
async def write_html_report(evaluation_id: str) -> str:
    """Write the HTML report of an evaluation (empty: the latest); returns its path."""
    with resources() as (settings, store):
        async with long_work():
            path = await in_thread(write_report, store, settings, evaluation_id or None)
    markdown = path.with_suffix(".md").read_text(encoding="utf-8")
    await show(
        "report", f"{markdown}\nAll of it, with charts and examples, is the page `{path}`.\n", f"it lies at {path}"
    )
    await tell("the report is %s", path)
    return str(path)
