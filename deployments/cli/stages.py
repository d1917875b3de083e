"""`feedback run` and the commands of its single stages; each runs the flow of the same name."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import (
    Epochs,
    Json,
    Memory,
    Precision,
    RecipeChanges,
    RecipeFile,
    RecipeSeed,
    choose_recipe,
    load_settings,
)
from deployments.local.run_flow import run_flow
from deployments.terminal import print_json, say, showing_progress
from feedback_model.records.labels import LabellerKind
from feedback_model.records.recipe import Recipe
from feedback_model.training.base_model import DEFAULT_BASE_MODEL
from feedback_model.training.recipe_options import complete_recipe, render_recipe
from flows.parameters import (
    DEFAULT_LABELLER,
    DEFAULT_SHARE,
    Again,
    AgainFailed,
    BaseModel,
    Budget,
    Inputs,
    Labeller,
    LabelMode,
    Limit,
    MaxNewTokens,
    Redact,
    RunId,
    Share,
    Speaker,
)

if TYPE_CHECKING:
    from feedback_model.settings import Settings


def run(
    inputs: Inputs = [],  # noqa: B006 - never changed
    speaker: Speaker = "all",
    redact: Redact = False,
    labeller: Labeller = DEFAULT_LABELLER,
    base_model: BaseModel = DEFAULT_BASE_MODEL,
    augmentation_share: Share = DEFAULT_SHARE,
    recipe: RecipeFile = None,
    changes: RecipeChanges = None,
    epochs: Epochs = None,
    precision: Precision = None,
    seed: RecipeSeed = None,
    memory: Memory = None,
    again: Again = False,
    json: Json = False,
) -> None:
    """Run the whole loop once on what has landed: label, augment, train, infer, evaluate, report."""
    chosen = choose_recipe(recipe, changes, epochs=epochs, precision=precision, seed=seed)
    settings = load_settings(memory)
    with showing_progress(quiet=json):
        check_choices(settings, labeller, base_model)
    check_endpoint(labeller, settings)

    async def call() -> str:
        from flows.pipeline import pipeline

        return await pipeline(
            inputs=inputs,
            speaker=speaker,
            redact=redact,
            labeller=labeller,
            base_model=base_model,
            augmentation_share=augmentation_share,
            again=again,
            **chosen,
        )

    show_outcome(settings, run_flow(settings, call, quiet=json), json=json)


def label(
    labeller: Labeller = DEFAULT_LABELLER,
    limit: Limit = 0,
    again: AgainFailed = False,
    budget: Budget = 0.0,
    mode: LabelMode = "now",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost and take, and buy nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Buy the labels that are missing; what is paid for is never bought again."""
    settings = load_settings()
    if dry_run:
        show_forecast(settings, labeller, limit, budget, json=json)
        return
    check_choices(settings, labeller)
    check_endpoint(labeller, settings)

    async def call() -> dict[str, float | None]:
        from flows.label import label as flow

        return await flow(labeller=labeller, limit=limit, again=again, budget=budget, mode=mode)

    counts = run_flow(settings, call, quiet=json)
    if json:
        print_json(counts)
    else:
        cost = "at an unknown price" if counts["cost_usd"] is None else f"${counts['cost_usd']:.4f} spent now"
        say(f"labels: {counts['labelled']} new, {counts['failed']} given up, {cost}")


def show_forecast(settings: "Settings", labeller: LabellerKind, limit: int, budget: float, *, json: bool) -> None:
    """Show what labelling would cost and take; asks nobody, so it needs no key."""
    from feedback_model.labelling.cost_forecast import forecast_labels, tell_forecast
    from feedback_model.labelling.labeller import labelling_config_of
    from feedback_model.store.connection import open_store

    store = open_store(settings.store_url)
    labelling_config, share = labelling_config_of(labeller, settings), settings.relabel_share
    forecast = forecast_labels(store, labelling_config, share, limit or None, settings, budget=budget or None)
    if json:
        print_json(asdict(forecast) | {"n_affordable": forecast.n_affordable})
        return
    for line in tell_forecast(forecast):
        say(line)


def train(
    labeller: Labeller = DEFAULT_LABELLER,
    base_model: BaseModel = DEFAULT_BASE_MODEL,
    recipe: RecipeFile = None,
    changes: RecipeChanges = None,
    epochs: Epochs = None,
    precision: Precision = None,
    seed: RecipeSeed = None,
    print_recipe: Annotated[
        bool, typer.Option("--print-recipe", help="Write the recipe that would be used as YAML, and train nothing.")
    ] = False,
    memory: Memory = None,
    again: Again = False,
    json: Json = False,
) -> None:
    """Freeze what is labelled as a dataset version and fine-tune on it, one checkpoint an epoch."""
    chosen = choose_recipe(recipe, changes, epochs=epochs, precision=precision, seed=seed)
    if print_recipe:
        show_recipe(complete_recipe(chosen, base_model), json=json)
        return
    settings = load_settings(memory)
    with showing_progress(quiet=json):
        check_choices(settings, labeller, base_model)

    async def call() -> str:
        from flows.train import train as flow

        return await flow(labeller=labeller, base_model=base_model, again=again, **chosen)

    run_id = run_flow(settings, call, quiet=json)
    if json:
        print_json({"run_id": run_id})
    else:
        say(f"training run {run_id}: its checkpoints are under {settings.checkpoints / run_id}")


def show_recipe(recipe: Recipe, *, json: bool) -> None:
    """Write a recipe to standard output, as YAML that `--recipe` reads or as JSON."""
    if json:
        print_json(asdict(recipe))
    else:
        sys.stdout.write(render_recipe(recipe))


def evaluate(
    run_id: RunId = "",
    max_new_tokens: MaxNewTokens = 0,
    again: Again = False,
    json: Json = False,
) -> None:
    """Ask every model of a training run for feedback where that is missing, and measure it against the labels."""
    settings = load_settings()

    async def call() -> str:
        from flows.evaluate import evaluate as flow

        return await flow(run_id=run_id, again=again, max_new_tokens=max_new_tokens)

    show_outcome(settings, run_flow(settings, call, quiet=json), json=json)


def check_choices(settings: "Settings", labeller: LabellerKind, base_model: str = "") -> None:
    """Refuse a missing key or an unusable base model before any work is looked for.

    Raises:
        ConfigurationError: says what is missing and both ways on.
    """
    from feedback_model.labelling.labeller import check_labeller

    check_labeller(labeller, settings)
    if base_model:
        from feedback_model.training.base_model import resolve_base

        resolve_base(base_model)


def check_endpoint(labeller: LabellerKind, settings: "Settings") -> None:
    """Refuse an endpoint that is away before a flow waits for it to come back, which a person need not.

    Raises:
        LabellerError, ConfigurationError: it does not answer, refuses the key, or lacks the model.
    """
    from feedback_model.labelling.labeller import check_endpoint as check

    check(labeller, settings)


def show_outcome(settings: "Settings", evaluation_id: str, *, json: bool) -> None:
    """Print the results table of an evaluation, and where its report is."""
    from deployments.cli.results import show_results

    show_results(settings, evaluation_id, json=json)
    report = settings.reports / "latest.html"
    if not json and report.exists():
        say(f"report: {Path(report)}")
