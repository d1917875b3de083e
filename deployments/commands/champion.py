"""`feedback champion`: who answers and why, who did, and going back, without a server.

There is no command to promote a model: only evidence does, when a training has been evaluated.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.commands.options import Json, load_settings
from deployments.terminal import print_json, print_table, say
from feedback_model.errors import MissingStage

if TYPE_CHECKING:
    from feedback_model.store.decision_records import Champion, Decision, Evidence, Reign

app = typer.Typer(
    help="The model that answers, and why; only evidence promotes, `rollback` goes back.", invoke_without_command=True
)


@app.callback()
def champion(context: typer.Context, json: Json = False) -> None:
    """Show the champion with the decision that it stands on and what each rule found."""
    if context.invoked_subcommand is not None:
        return
    from feedback_model.store.champions import champion as present_champion
    from feedback_model.store.champions import read_reigns
    from feedback_model.store.connection import open_store
    from feedback_model.store.decisions import find_decision

    store = open_store(load_settings().store_url)
    present = present_champion(store)
    if present is None:
        raise MissingStage(
            "there is no champion yet: no model has earned it; `feedback run` trains and judges one, "
            "and the view decisions says what was decided so far"
        )
    reign, decision = read_reigns(store)[-1], find_decision(store, present.decision_id)
    if json:
        print_json(asdict(present) | {"reign": asdict(reign), "decision": decision and asdict(decision)})
    else:
        _show(present, reign, decision)


def _show(present: "Champion", reign: "Reign", decision: "Decision | None") -> None:
    name = f"{reign.model} of run {present.run_id}" if present.run_id else reign.model
    rows = [
        ["model id", present.model_id],
        ["base", f"{present.base_model}{' (stand-in)' if present.stand_in else ''}"],
        ["adapter", present.checkpoint_path],
        ["since", reign.promoted_at],
        ["by", reign.promoted_by if reign.kind == "promote" else f"rollback by {reign.promoted_by}: {reign.reason}"],
    ]
    print_table("", ["champion", name], rows)
    if decision is None or not decision.evidence:
        return
    columns = ["rule", "outcome", "figure", "from", "to", "threshold"]
    print_table(
        f"Evidence, by the rules {decision.rules.version}", columns, [_cells(each) for each in decision.evidence]
    )
    for sentence in decision.reasons:
        say(sentence)


def _cells(found: "Evidence") -> list[Any]:
    rule = found.rule if found.trait is None else f"{found.rule} {found.trait}"
    return [rule, found.outcome, found.figure, found.ci_low, found.ci_high, found.threshold]


@app.command()
def history(json: Json = False) -> None:
    """Show every time a champion was made, the newest first."""
    from feedback_model.store.champions import read_reigns
    from feedback_model.store.connection import open_store

    reigns = read_reigns(open_store(load_settings().store_url))[::-1]
    if json:
        print_json([asdict(reign) for reign in reigns])
        return
    if not reigns:
        say("no model has been champion yet")
        return
    columns = ["since", "until", "kind", "model", "run", "model id", "by", "reason"]
    rows = [
        [
            reign.promoted_at[:19],
            reign.replaced_at and reign.replaced_at[:19],
            reign.kind,
            reign.model,
            reign.run_id and reign.run_id[:8],
            reign.model_id,
            reign.promoted_by,
            reign.reason,
        ]
        for reign in reigns
    ]
    print_table("Champions", columns, rows)


@app.command()
def rollback(
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the history.")] = "",
    to: Annotated[
        str, typer.Option("--to", help="Model id of a former champion; default: whom the present one replaced.")
    ] = "",
    json: Json = False,
) -> None:
    """Make a former champion the champion again, at once; what was rolled back from is not promoted again."""
    from feedback_model.champion import roll_back
    from feedback_model.store.connection import open_store

    settings = load_settings()
    reign = roll_back(open_store(settings.store_url), settings.home, reason, to)
    if json:
        print_json(asdict(reign))
    else:
        say(f"champion: {reign.model} of run {reign.run_id} ({reign.model_id}); the next `feedback score` uses it")
