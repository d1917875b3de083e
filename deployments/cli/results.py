"""`feedback results` and `feedback results sql`: what the database knows, without a server."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import out, print_json, print_table, say
from feedback_model.traits import TRAIT_KEYS

if TYPE_CHECKING:
    from eval.report.table import ResultsRow
    from feedback_model.settings import Settings

app = typer.Typer(help="Tables of evaluations; `results sql` asks the database directly.", invoke_without_command=True)
Evaluation = Annotated[str, typer.Option("--evaluation", help="Evaluation to show; default: the latest.")]


@app.callback()
def results(context: typer.Context, evaluation: Evaluation = "", json: Json = False) -> None:
    """Show the models of an evaluation beside each other."""
    if context.invoked_subcommand is None:
        show_results(load_settings(only_reads=True), evaluation, json=json)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the views of docs/results-database.md.")],
    json: Json = False,
) -> None:
    """Ask the database a read-only question in SQL."""
    from feedback_model.store.readonly_sql import run_query

    answer = run_query(load_settings(only_reads=True).store_url, query)
    if json:
        print_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
        return
    print_table("", answer.columns, answer.rows)
    if answer.truncated:
        say(f"only the first {len(answer.rows)} rows are shown; add a LIMIT or a WHERE")


@app.command()
def export(
    folder: Annotated[
        Path, typer.Argument(help="Where the Parquet files go; those of an earlier export are replaced.")
    ],
) -> None:
    """Write every view of the database as a Parquet file."""
    from feedback_model.store.export import export_views

    for view, rows in export_views(load_settings(only_reads=True).store_url, folder):
        say(f"{view}.parquet: {rows} rows")


@app.command()
def browse(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page, on 127.0.0.1.")] = 8001,
) -> None:
    """Look at the SQLite database in a browser, with Datasette, until Ctrl-C.

    Prints the link that opens it. The link holds a secret, which is another at each start.
    """
    from deployments.local.datasette_page import show_database
    from feedback_model.store.readonly_sql import browsable_file

    path = browsable_file(load_settings().store_url)
    say("Ctrl-C ends it. The pages, for you alone:")
    show_database(path, port, lambda link: out.print(link, soft_wrap=True, highlight=False))


@app.command()
def grant(
    role: Annotated[str, typer.Argument(help="The role; made where there is none of that name.")] = "reporter",
) -> None:
    """Let a PostgreSQL role read the views, in schema `report`, and nothing else."""
    from feedback_model.store.connection import open_store
    from feedback_model.store.grants import grant_reporter

    granted = grant_reporter(open_store(load_settings().store_url), role)
    say(f"grant: the role {role} reads every view in schema report, and no table")
    if granted.created:
        say(f"the role is new and has no password yet: give it one in psql with \\password {role}")
    if not granted.defaults_set:
        say(f"this database user may not alter {role}: have an administrator set its search_path to report")
    if granted.may_create_in_public:
        say("any role may make tables in schema public: REVOKE CREATE ON SCHEMA public FROM PUBLIC ends that")


def show_results(settings: "Settings", evaluation_id: str, *, json: bool) -> None:
    """Print the results table of one evaluation (empty: the latest), with the sentences that belong to it."""
    from eval.report.load import load_results_table
    from feedback_model.store.connection import open_store

    table = load_results_table(open_store(settings.store_url), evaluation_id or None)
    if json:
        print_json(asdict(table))
        return
    overview = ["model", "strict", "extractable", "repairable", "MSE", "n", "MSE common", "n common", "penalised"]
    constant = ["always the mean", None, None, None, table.mse_constant, table.rows[0].n_test, None, None, None]
    print_table(table.title, overview, [*map(_overview, table.rows), constant])
    by_trait = [[_name(row), *row.mse_by_trait] for row in table.rows]
    print_table(
        "Penalised MSE of each trait",
        ["model", *TRAIT_KEYS],
        [*by_trait, ["always the mean", *table.mse_constant_by_trait]],
    )
    for note in table.notes:
        say(note)


def _name(row: "ResultsRow") -> str:
    return f"{row.model} *" if row.is_best_epoch else row.model


def _overview(row: "ResultsRow") -> list[Any]:
    return [
        _name(row),
        f"{row.valid_strict}/{row.n_test}",
        row.valid_extractable,
        row.valid_repairable,
        row.mse_individual,
        row.n_individual,
        row.mse_common,
        row.n_common,
        row.mse_penalised,
    ]
