"""Housekeeping in a run: what can go, as an artifact, and its deletion."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from feedback_model.housekeeping.plan import find_leftovers, keep_rules
from feedback_model.housekeeping.prune import delete_leftovers
from feedback_model.housekeeping.telling import leftovers_markdown, phrase_leftovers
from tasks.artifacts import show
from tasks.cancellation import in_thread
from tasks.long_work import long_work
from tasks.resources import resources
from tasks.retries import RETRIES
from tasks.story import tell


# Not cached: there is something else every time, and what was deleted is gone.
@task(name="tidy up", cache_policy=NO_CACHE, **RETRIES)
async def tidy_up(dry_run: bool) -> str:
    """List what nothing needs any more, delete it unless `dry_run`, and keep the list; returns it in one sentence."""
    with resources() as (settings, store):
        async with long_work():
            rules = keep_rules(settings)
            found = await in_thread(find_leftovers, store, settings, rules)
            if not dry_run:
                found = await in_thread(delete_leftovers, store, settings, rules, found)
    sentence = phrase_leftovers(found, deleted=not dry_run)
    await tell("%s", sentence)
    await show("housekeeping", leftovers_markdown(found, deleted=not dry_run), sentence)
    return sentence
