"""`feedback report` and `feedback report verify`: the report of an evaluation, and whether it still says what is so."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import print_json, say, showing_progress
from feedback_model.errors import InputError
from flows.parameters import EvaluationId

if TYPE_CHECKING:
    from eval.report.verify import Verification

app = typer.Typer(
    help="Write one self-contained HTML page about an evaluation; `report verify` checks one.",
    invoke_without_command=True,
)
_NAMED = 5  # differences that are said; the rest are counted


@app.callback()
def report(
    context: typer.Context,
    evaluation: EvaluationId = "",
    json: Json = False,
) -> None:
    """Write one self-contained HTML page about an evaluation, and the same figures as JSON and Markdown."""
    if context.invoked_subcommand is not None:
        return
    from eval.report.write import write_report
    from feedback_model.store.connection import open_store

    settings = load_settings()
    with showing_progress(quiet=json):
        path = write_report(open_store(settings.store_url), settings, evaluation or None)
    if json:
        print_json(
            {"report": str(path), "json": str(path.with_suffix(".json")), "markdown": str(path.with_suffix(".md"))}
        )
    else:
        say(f"report: {path}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The HTML file of a report.")],
    json: Json = False,
) -> None:
    """Check every figure of a report against the database, and the database against the raw outputs."""
    from eval.report.verify import verify_report
    from feedback_model.store.connection import open_store

    settings = load_settings(only_reads=True)
    with showing_progress(quiet=json):
        found = verify_report(open_store(settings.store_url), file)
    if json:
        print_json(asdict(found) | {"agrees": found.agrees})
    if not found.agrees:
        raise InputError(_disagreement(file, found))
    if not json:
        _say_agreement(found)


def _say_agreement(found: "Verification") -> None:
    say(
        f"all agrees: {found.n_stored:,} figures with the database, {found.n_visible:,} shown figures and every chart with "
        f"these, {found.n_recomputed:,} figures computed anew from {found.n_outputs:,} raw outputs"
    )
    for note in found.notes:
        say(note)


def _disagreement(file: Path, found: "Verification") -> str:
    named = "; ".join(difference.sentence for difference in found.differences[:_NAMED])
    more = len(found.differences) - _NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return f"the report {file} does not agree: {named}{rest}. `feedback report --evaluation {found.evaluation_id}` writes it anew"
