"""A flow run whose process another one supersedes: `python -m tests.superseded_run [work]`.

With `work` that happens while it is at work, else between two of its tasks.
"""

import asyncio
import os
import sys

from prefect import flow, task
from prefect.engine import handle_engine_signals

from feedback_model.progress import check_stop
from feedback_model.settings import Settings
from tasks.cancellation import in_thread
from tasks.resources import resources
from tests.other_process import Other

BEGIN = """
from feedback_model.store.connection import connect
from feedback_model.store.flow_runs import begin_attempt
begin_attempt(connect(sys.argv[1]), sys.argv[2])
keep()
"""


def take_over(url: str, flow_run_id: str) -> None:
    """Begin the run in another process, as that does by which a worker resumes it."""
    Other(BEGIN, url, flow_run_id).release()


def work(is_long: bool) -> None:
    take_over(Settings().store_url, os.environ["PREFECT__FLOW_RUN_ID"])
    while is_long:
        check_stop()


@task
async def step() -> None:
    with resources():
        await in_thread(work, sys.argv[1] == "work")


@flow
async def superseded() -> None:
    await step()
    await step()


if __name__ == "__main__":
    with handle_engine_signals():
        asyncio.run(superseded())
