"""`feedback backup` and `feedback restore`: the database and the home folder as one file, and back."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import load_settings
from deployments.terminal import say, showing_progress
from feedback_model.errors import InputError
from feedback_model.sizes import show_size

if TYPE_CHECKING:
    from feedback_model.settings import Settings


def backup(file: Annotated[Path, typer.Argument(help="The file to write; a tar archive.")]) -> None:
    """Write the database and the home folder to one file, while everything runs.

    It holds all that was landed, labelled, trained and measured, and what was changed in the Prefect UI. Tokens stay out: a
    restored service makes its own. The file is for its owner alone to read, since it holds what people said.
    """
    from deployments.local.run_flow import stopping_on_interrupt
    from feedback_model.backup import back_up

    settings = load_settings(only_reads=True)
    with stopping_on_interrupt(), showing_progress():
        if settings.shared_checkpoints:
            _bring_checkpoints(settings)
        made = back_up(settings, file)
    say(f"backup: {len(made.files):,} files, {show_size(made.size)}, in {file}")


def _bring_checkpoints(settings: "Settings") -> None:
    """Have all checkpoints in this home, which alone a backup is made of."""
    from feedback_model.store.connection import open_store
    from feedback_model.training.all_checkpoints import bring_all

    with closing(open_store(settings.store_url)) as store:
        missing = bring_all(store, settings.home)
    if missing:
        say(
            f"{len(missing)} checkpoints are neither here nor in {settings.shared_checkpoints} (pruned, perhaps), so the backup "
            f"lacks them: {missing[0].path} is one"
        )


def restore(file: Annotated[Path, typer.Argument(help="A file that `feedback backup` wrote.")]) -> None:
    """Put a backup back into an empty home folder, check every file of it, and verify every report.

    With PostgreSQL the database that FEEDBACK_DATABASE_URL names must be empty, too.
    """
    from deployments.local.run_flow import stopping_on_interrupt
    from feedback_model.backup import restore as put_back

    settings = load_settings(only_reads=True)
    with stopping_on_interrupt(), showing_progress():
        found = put_back(settings, file)
    say(f"restored: {len(found.files):,} files of {found.made_at}, {show_size(found.size)}, to {settings.home}")
    _verify_reports(settings)


def _verify_reports(settings: "Settings") -> None:
    from eval.report.verify import verify_report
    from feedback_model.store.connection import open_store

    reports = sorted(settings.reports.glob("*.html"))
    store = open_store(settings.store_url)
    with showing_progress():
        wrong = [report for report in reports if not verify_report(store, report).agrees]
    if wrong:
        raise InputError(f"{len(wrong)} of {len(reports)} reports do not agree with the database, such as {wrong[0]}")
    say(f"all {len(reports)} reports agree with the database")
