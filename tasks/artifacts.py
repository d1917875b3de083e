"""Pages of a run in the Prefect UI."""

from prefect import get_run_logger
from prefect.artifacts import acreate_markdown_artifact


async def show(key: str, markdown: str, description: str) -> None:
    """Show a page beside the run, whose newest version is found by its key as well; the description says it in one sentence."""
    try:
        await acreate_markdown_artifact(key=key, markdown=markdown, description=description)
    except Exception as error:  # noqa: BLE001 - the work goes on, whether or not a server hears of it
        get_run_logger().debug("the page %s could not be shown: %s", key, error)
