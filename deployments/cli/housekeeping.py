"""`feedback housekeeping`: what nothing needs any more, and its deletion where that is wanted."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import print_json, print_table, say, showing_progress
from feedback_model.sizes import show_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedback_model.records.housekeeping import Leftover


def housekeeping(
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; without this it is only listed.")] = False,
    json: Json = False,
) -> None:
    """List old checkpoints, reports, landed files and leftovers that nothing needs any more; delete them with --delete.

    What present and past champions were made of and judged by stays, whatever its age: their runs' adapters and tracking, dataset
    versions, and the reports on their evaluations. FEEDBACK_KEEP_RUNS and FEEDBACK_KEEP_..._DAYS say how much else is kept.
    """
    from deployments.local.run_flow import stopping_on_interrupt
    from feedback_model.housekeeping.plan import find_leftovers, keep_rules
    from feedback_model.housekeeping.prune import delete_leftovers
    from feedback_model.housekeeping.telling import phrase_leftovers
    from feedback_model.store.connection import open_store

    settings = load_settings()
    store, rules = open_store(settings.store_url), keep_rules(settings)
    with stopping_on_interrupt(), showing_progress(quiet=json):
        found = find_leftovers(store, settings, rules)
        if delete:
            found = delete_leftovers(store, settings, rules, found)
    if json:
        print_json({"deleted": delete, "leftovers": [asdict(each) for each in found]})
        return
    _show(found)
    say(phrase_leftovers(found, deleted=delete) + ("" if delete or not found else "; --delete does it"))
    _tell_history(settings.keep_history_days)


def _show(found: "Sequence[Leftover]") -> None:
    rows = [[each.kind, each.name, show_size(each.size), f"{each.newest:%Y-%m-%d}"] for each in found]
    if rows:
        print_table("", ["kind", "what", "size", "last touched"], rows)


def _tell_history(days: int) -> None:
    if days:
        say(f"finished runs older than {days} days are deleted by the server of `feedback up` itself, every hour")
    else:
        say("finished runs are kept for ever: FEEDBACK_KEEP_HISTORY_DAYS is 0")
