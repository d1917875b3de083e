"""`feedback augment`: rare score levels made less rare, or with `--dry-run` the plan for it and what it would cost.

`feedback prove-augmentation` shows what it was worth.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import Json, load_settings
from deployments.cli.stages import check_choices, check_endpoint, show_outcome
from deployments.local.run_flow import run_flow
from deployments.terminal import print_json, print_table, say
from feedback_model.records.labels import LabellerKind
from feedback_model.traits import SCORES
from flows.parameters import DEFAULT_LABELLER, DEFAULT_SHARE, Again, Labeller, RunId, Seed, Share

if TYPE_CHECKING:
    from feedback_model.augmentation.augment import AugmentationSummary
    from feedback_model.augmentation.cost import CostEstimate, HitRate, Tokens
    from feedback_model.augmentation.planning import Level, PlannedRewrite
    from feedback_model.augmentation.preview import AugmentationPreview
    from feedback_model.settings import Settings


def augment(
    labeller: Labeller = DEFAULT_LABELLER,
    share: Share = DEFAULT_SHARE,
    seed: Seed = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and its cost; ask nobody.")] = False,
    json: Json = False,
) -> None:
    """Rewrite real train transcripts towards rare score levels, relabel them blind, and keep what hits."""
    settings = load_settings()
    if dry_run:
        _show_preview(_preview(settings, labeller, share, seed), json=json)
        return
    check_choices(settings, labeller)
    check_endpoint(labeller, settings)

    async def call() -> "AugmentationSummary":
        from flows.augment import augment as flow

        return await flow(labeller=labeller, share=share, seed=seed)

    _show_summary(run_flow(settings, call, quiet=json), json=json)


def prove_augmentation(
    run_id: RunId = "",
    again: Again = False,
    json: Json = False,
) -> None:
    """Train once more without the rewrites, and measure both on the same real test transcripts."""
    settings = load_settings()

    async def call() -> str:
        from flows.prove_augmentation import prove_augmentation as flow

        return await flow(run_id=run_id, again=again)

    _show_effect(settings, run_flow(settings, call, quiet=json), json=json)


def _show_effect(settings: "Settings", evaluation_id: str, *, json: bool) -> None:
    from eval.report.load import load_augmentation_effect
    from feedback_model.store.connection import open_store

    effect = load_augmentation_effect(open_store(settings.store_url), evaluation_id)
    if json:
        print_json({"evaluation_id": evaluation_id, "effect": effect})
        return
    show_outcome(settings, evaluation_id, json=False)
    say(effect)


def _show_summary(summary: "AugmentationSummary", *, json: bool) -> None:
    if json:
        print_json(asdict(summary))
        return
    counts = ("wanted", "ordered", "accepted", "missed_target", "near_duplicate", "unusable")
    say("augmentation: " + ", ".join(f"{getattr(summary, name)} {name.replace('_', ' ')}" for name in counts))
    say(
        f"cost: {_usd(summary.cost_usd)} now, {_usd(summary.total_cost_usd)} in all, "
        f"{_usd(summary.cost_per_accepted_usd)} for each rewrite accepted"
    )
    for level in summary.levels:
        if level.lacking:
            why = level.reason or "not requested yet"
            say(f"{level.trait} {level.score}: {level.have} of {level.have + level.lacking}, {why}")


def _preview(settings: "Settings", labeller: LabellerKind, share: float, seed: int) -> "AugmentationPreview":
    from feedback_model.augmentation.preview import preview_augmentation
    from feedback_model.labelling.labeller import labelling_config_of
    from feedback_model.store.connection import open_store

    store = open_store(settings.store_url)
    try:
        config = labelling_config_of(labeller, settings)
        return preview_augmentation(store, config, max_share=share, seed=seed, settings=settings)
    finally:
        store.close()


def _show_preview(preview: "AugmentationPreview", *, json: bool) -> None:
    plan = preview.plan
    if json:
        totals = {"shortfall": plan.shortfall, "shortfall_after": plan.shortfall_after}
        cost = asdict(preview.cost) | {"usd_per_accepted": preview.cost.usd_per_accepted}
        print_json(asdict(preview) | totals | {"cost": cost})
        return
    rows = [[trait, *(levels[score] for score in SCORES)] for trait, levels in preview.histogram.items()]
    print_table(f"Real train transcripts by score ({preview.n_train})", ["trait", *map(str, SCORES)], rows)
    columns = ["trait", "score", "have", "short of", "to make", "from present scores", "left short", "because"]
    print_table(
        "Levels that are short", columns, [_level_row(level, plan.rewrites, plan.enough) for level in plan.levels]
    )
    say(
        f"{len(plan.rewrites)} rewrites would take what is short from {plan.shortfall} to {plan.shortfall_after} if each comes "
        f"out as meant; {plan.n_kept} of at most {plan.budget} are kept already, {preview.n_pending} await their verdict"
    )
    _say_cost(preview.cost, preview.hit_rates)


def _level_row(level: "Level", rewrites: Sequence["PlannedRewrite"], enough: int) -> list[object]:
    aimed = [each for each in rewrites if (each.trait, each.target_score) == (level.trait, level.score)]
    present = Counter(each.present_score for each in aimed)
    sources = ", ".join(f"{count} from {score}" for score, count in sorted(present.items()))
    return [level.trait, level.score, level.have, enough, level.planned, sources, level.left, level.reason]


def _say_cost(cost: "CostEstimate", rates: Sequence["HitRate"]) -> None:
    if not cost.tries:
        say("nothing would be requested, at no cost")
        return
    source = f"prices: {cost.price.origin}" if cost.price else "the model has no known price"
    say(
        f"expected cost: {_usd(cost.usd)} for {cost.tries:.0f} rewrites, "
        f"{_usd(cost.usd_per_accepted)} for each accepted; {source}"
    )
    say(f"tokens a rewrite: {_tokens(cost.rewrite)}; a blind label: {_tokens(cost.relabel)}")
    assumed = [each for each in rates if each.assumed]
    for each in rates:
        if not each.assumed:
            say(f"hit rate of {each.trait} {each.target_score} so far: {each.rate:.0%} of {each.n_judged}")
    if assumed:
        say(
            f"hit rate of {len(assumed)} levels: {assumed[0].rate:.0%}, the planning assumption; too few judged to know"
        )


def _tokens(tokens: "Tokens") -> str:
    source = f"mean of {tokens.n_responses} responses" if tokens.n_responses else "counted from characters"
    return f"{tokens.prompt:.0f} in and {tokens.completion:.0f} out ({source})"


def _usd(value: float | None) -> str:
    return "no known sum" if value is None else f"${value:.4f}"
