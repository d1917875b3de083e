"""Delete what nothing needs any more, or say what that is."""

from prefect import flow

from flows.parameters import DryRun
from tasks.endings import completed
from tasks.housekeeping import tidy_up


@flow(name="housekeeping", description="List or delete old checkpoints, reports, landed files and leftovers.")
async def housekeeping(dry_run: DryRun = True) -> str:
    """Tidy the home folder up; what champions stand on stays. The weekly schedule says `dry_run: false`, a form does not."""
    sentence = await tidy_up(dry_run)
    return completed(sentence, sentence)
