"""`feedback champion`: who answers and why, who did, and going back, without a server.

There is no command to promote a model: only evidence does, when a training has been evaluated.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import print_json, print_table, say
from feedback_model.errors import MissingStage

if TYPE_CHECKING:
    from feedback_model.records.promotion import Champion, Decision, Evidence, Promotion

app = typer.Typer(
    help="The model that answers, and why; only evidence promotes, `rollback` goes back.", invoke_without_command=True
)


@app.callback()
def champion(context: typer.Context, json: Json = False) -> None:
    """Show the champion with the decision that it stands on and what each rule found."""
    if context.invoked_subcommand is not None:
        return
    from feedback_model.store.connection import open_store
    from feedback_model.store.promotions import champion as present_champion
    from feedback_model.store.promotions import find_decision, read_promotions

    store = open_store(load_settings(only_reads=True).store_url)
    present = present_champion(store)
    if present is None:
        raise MissingStage(
            "there is no champion yet: no model has earned it; `feedback run` trains and judges one, "
            "and the view decisions says what was decided so far"
        )
    promotion_record, decision = read_promotions(store)[-1], find_decision(store, present.decision_id)
    if json:
        print_json(asdict(present) | {"reign": asdict(promotion_record), "decision": decision and asdict(decision)})
    else:
        _show(present, promotion_record, decision)


def _show(present: "Champion", promotion_record: "Promotion", decision: "Decision | None") -> None:
    name = f"{promotion_record.model} of run {present.run_id}" if present.run_id else promotion_record.model
    rows = [
        ["model id", present.model_id],
        ["base", f"{present.base_model}{' (demo model)' if present.stand_in else ''}"],
        ["adapter", present.checkpoint_path],
        ["asked by", present.decoding],
        ["since", promotion_record.promoted_at],
        [
            "by",
            promotion_record.promoted_by
            if promotion_record.kind == "promote"
            else f"rollback by {promotion_record.promoted_by}: {promotion_record.reason}",
        ],
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
    from feedback_model.store.connection import open_store
    from feedback_model.store.promotions import read_promotions

    promotions = read_promotions(open_store(load_settings(only_reads=True).store_url))[::-1]
    if json:
        print_json([asdict(promotion_record) for promotion_record in promotions])
        return
    if not promotions:
        say("no model has been champion yet")
        return
    columns = ["since", "until", "kind", "model", "run", "model id", "by", "reason"]
    rows = [
        [
            promotion_record.promoted_at[:19],
            promotion_record.replaced_at and promotion_record.replaced_at[:19],
            promotion_record.kind,
            promotion_record.model,
            promotion_record.run_id and promotion_record.run_id[:8],
            promotion_record.model_id,
            promotion_record.promoted_by,
            promotion_record.reason,
        ]
        for promotion_record in promotions
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
    from eval.promote import roll_back
    from feedback_model.store.connection import open_store

    settings = load_settings()
    promotion_record = roll_back(open_store(settings.store_url), settings.home, reason, to)
    if json:
        print_json(asdict(promotion_record))
    else:
        say(
            f"champion: {promotion_record.model} of run {promotion_record.run_id} ({promotion_record.model_id}); "
            "the next `feedback score` uses it"
        )
