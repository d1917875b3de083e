"""`feedback forget`: a person's or a recording's texts leave every place where the service keeps them."""

import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import print_json, say, showing_progress
from feedback_model.errors import ConfigurationError, InputError
from feedback_model.records.transcripts import Forgettable

if TYPE_CHECKING:
    from feedback_model.forgetting.forget import Cleared, Plan
    from feedback_model.settings import Settings
    from feedback_model.store.connection import Store


def forget(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A speaker; a recording, by its document, your id of it or its file; or a source.",
            show_default="nobody else: what an earlier call was cut off in is finished",
        ),
    ] = None,
    kind: Annotated[
        Forgettable | None,
        typer.Option("--as", help="What the name is.", show_default="found out"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Remove a person's texts, and all labels and outputs about them, for good.

    Database, inbox, snapshots, reports and what the provider of labels stores are cleared; figures stay, and a tombstone keeps
    the text from landing again. Checkpoints that were trained on it are named.
    """
    from feedback_model.forgetting.forget import carry_out, clear, make_plan
    from feedback_model.store.connection import open_store

    settings = load_settings()
    with closing(open_store(settings.store_url)) as store, showing_progress(quiet=json):
        plan = make_plan(store, settings, name, kind) if name else None
        if plan and not json:
            _tell_plan(settings, plan)
        if plan and dry_run:
            if json:
                print_json(_as_fields(plan))
            return
        if plan and not yes:
            _confirm(plan)
        plan, cleared = carry_out(store, settings, plan) if plan else (None, clear(store, settings))
        written = _write_reports(store, settings, cleared)
        if json:
            print_json({**(_as_fields(plan) if plan else {}), "reports_written": written})
        else:
            _tell_end(settings, plan, cleared, written)
        _delete_at_provider(store, settings)


def _as_fields(plan: "Plan") -> dict[str, Any]:
    return {**asdict(plan), "inbox": [*map(str, plan.inbox)]}


def _tell_plan(settings: "Settings", plan: "Plan") -> None:
    from feedback_model.forgetting.files import is_landed

    found = plan.traces
    say(
        f"{plan.kind} {plan.name!r}: {len(found.transcripts)} transcripts, {found.n_rewrites} of them rewrites; "
        f"{found.n_labels} labels, {found.n_outputs} outputs of models, {len(found.snapshots)} snapshots, "
        f"{found.n_refused} refused records"
    )
    for path in plan.inbox:
        rest = (
            "what else of it has landed stays in the database" if is_landed(settings, path) else "none of it has landed"
        )
        say(f"  the file {path} is deleted; {rest}")


def _confirm(plan: "Plan") -> None:
    if not sys.stdin.isatty():
        raise InputError("this cannot be undone: say --yes, or --dry-run to look first")
    typer.confirm(f"Forget {plan.name!r} for good?", abort=True, err=True)


def _write_reports(store: "Store", settings: "Settings", cleared: "Cleared") -> list[str]:
    """Write the reports again that show what is forgotten; those of evaluations that are not here are deleted.

    The newest on test comes last, since `latest` is a copy of what was written last.
    """
    from eval.report.write import write_report
    from feedback_model.store.evaluations import latest_evaluation, read_evaluation

    known = {name for name in cleared.reports if read_evaluation(store, name)}
    for path in (path for name, files in cleared.reports.items() if name not in known for path in files):
        path.unlink(missing_ok=True)
    newest = latest_evaluation(store, "test") if cleared.reports else None
    last = [newest.evaluation_id] if newest else []
    return [str(write_report(store, settings, name)) for name in [*sorted(known.difference(last)), *last]]


def _tell_end(settings: "Settings", plan: "Plan | None", cleared: "Cleared", written: list[str]) -> None:
    say(
        f"forgotten; {len(cleared.inbox)} files of the inbox deleted, {len(cleared.snapshots)} snapshots and "
        f"{len(written)} reports written anew"
    )
    if plan and plan.traces.checkpoints:
        say("trained on it, and not changed: " + ", ".join(plan.traces.checkpoints))
        say("train on what is left with `feedback train`, then delete these, and what was exported or uploaded of them")
        if settings.shared_checkpoints:
            runs = sorted({path.rpartition("/")[0] for path in plan.traces.checkpoints})
            say(f"in {settings.shared_checkpoints} they lie, too, under: " + ", ".join(runs))
    if settings.shared_checkpoints:
        say(
            "run `feedback forget` without a name on every other machine: its home folder has snapshots and reports, too"
        )


def _delete_at_provider(store: "Store", settings: "Settings") -> None:
    """Delete what the provider has.

    Raises:
        ConfigurationError: it may have something, and there is no key.
        LabellerError: it does not delete.
    """
    from feedback_model.labelling.deletion import delete_remains, find_remains

    remains = find_remains(store)
    if not remains:
        return
    key = settings.openai_api_key
    if not (key and key.get_secret_value().strip()):
        raise ConfigurationError(
            f"all is forgotten here, but the provider may have {len(remains.completions) + len(remains.attempts)} completions "
            f"and the files of {len(remains.batches)} batches: set OPENAI_API_KEY and run `feedback forget` to have them deleted"
        )
    n = delete_remains(store, settings)
    say(f"at the provider: {n} completions and batches deleted, or not stored there")
