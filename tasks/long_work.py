"""The surroundings of long work in a task."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tasks.cancellation import stopping_on_termination
from tasks.progress import publishing_progress


@asynccontextmanager
async def long_work() -> AsyncGenerator[None]:
    """Show the progress of the block in the Prefect UI, and stop it at its next step when its run is cancelled there."""
    with stopping_on_termination():
        async with publishing_progress():
            yield
