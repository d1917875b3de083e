"""`feedback labels`: how far labels can be trusted, against people, against each other, and against what must be so."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import print_json, print_table, say, showing_progress
from feedback_model.errors import LabellerError, MissingStage
from flows.parameters import DEFAULT_LABELLER, Labeller, Seed

if TYPE_CHECKING:
    from eval.labels import Agreement

app = typer.Typer(help="How far labels can be trusted.", no_args_is_help=True)
_FIELDS = ("trait", "n", "difference", "ci_low", "ci_high", "qwk", "spearman", "within_one", "mse", "p_adjusted")
_CHECK_FIELDS = ("name", "trait", "n", "moved_down", "moved_up", "difference", "ci_low", "ci_high", "verdict")
_COLUMNS = ["trait", "n", "difference", "95% from", "to", "QWK", "Spearman", "within 1", "MSE", "p (Holm)"]


@app.command()
def gold(
    file: Annotated[Path, typer.Argument(help="JSONL or CSV: transcript_id or text, and people's scores by trait.")],
    labeller: Labeller = DEFAULT_LABELLER,
    json: Json = False,
) -> None:
    """Compare the labels with people's scores."""
    from eval.labels import agree
    from feedback_model.labelling.labeller import labelling_config_of
    from feedback_model.store.connection import open_store
    from feedback_model.store.labels import labelled_transcripts
    from feedback_model.transcripts.gold import read_gold

    settings, scored = load_settings(), read_gold(file)
    labelling_config = labelling_config_of(labeller, settings)
    found_labels = labelled_transcripts(open_store(settings.store_url), labelling_config, ids=scored.keys())
    labels = {each.transcript_id: each for each in found_labels}
    if not labels:
        raise MissingStage(
            f"none of the {len(scored)} transcripts of {file} is labelled by {labelling_config.label_model} with "
            f"{labelling_config.prompt_version}; land and label them first"
        )
    found = agree(labels, scored)
    if json:
        print_json({"n_gold": len(scored), "n_labelled": len(labels), "traits": [asdict(each) for each in found]})
        return
    show(f"Labels of {labelling_config.label_model} less people's scores", found)
    say(f"{len(labels)} of {len(scored)} scored transcripts are labelled; above zero, the labels are kinder")


@app.command()
def drift(labeller: Labeller = DEFAULT_LABELLER, json: Json = False) -> None:
    """Compare the labels with those of other models and prompts, on the transcripts that both labelled."""
    from eval.labels import measure_drift, state_drift
    from feedback_model.labelling.labeller import labelling_config_of
    from feedback_model.store.connection import open_store
    from feedback_model.store.labels import read_shared_labels

    settings = load_settings()
    store, labelling_config = open_store(settings.store_url), labelling_config_of(labeller, settings)
    compared = [measure_drift(shared) for shared in read_shared_labels(store, labelling_config)]
    if json:
        print_json(
            [
                {**asdict(each.other), "alarm": bool(each.moved), "traits": list(map(asdict, each.agreement))}
                for each in compared
            ]
        )
        return
    name = f"{labelling_config.label_model} {labelling_config.prompt_version}"
    if not compared:
        say(f"no labels of another model or prompt share a transcript with {name}; there is nothing to compare")
    for each in compared:
        show(f"{name} less {each.other.label_model} {each.other.prompt_version}", each.agreement)
        alarm = state_drift(labelling_config, each)
        say(f"alarm: {alarm}" if alarm else "no trait is shown to have moved")


@app.command()
def check(
    labeller: Labeller = DEFAULT_LABELLER,
    limit: Annotated[int, typer.Option(min=8, help="Most transcripts a check is tried on.")] = 20,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Change transcripts in ways whose effect is known, and see that the labels follow."""
    from eval.labels import judge_check
    from feedback_model.labelling.labeller import check_labeller, labelling_config_of, open_labeller
    from feedback_model.labelling.metamorphic import CHECKS
    from feedback_model.labelling.quality_checks import check_labels
    from feedback_model.store.connection import open_store

    settings = load_settings()
    check_labeller(labeller, settings)

    async def ask() -> dict[str, Any]:
        async with open_labeller(labeller, settings) as opened:
            labelling_config = labelling_config_of(labeller, settings)
            return await check_labels(
                open_store(settings.store_url), opened, labelling_config, settings, limit=limit, seed=seed
            )

    with showing_progress(quiet=json):
        pairs = asyncio.run(ask())
    results = [judge_check(each, pairs[each.name]) for each in CHECKS]
    if json:
        print_json([asdict(each) for each in results])
    else:
        header = ["check", "trait", "n", "down", "up", "difference", "95% from", "to", "verdict"]
        rows = [[getattr(each, name) for name in _CHECK_FIELDS] for each in results]
        print_table("What must be so of any labeller", header, rows)
    failed = [each.sentence for each in results if each.verdict == "fail"]
    if failed:
        raise LabellerError(
            f"the labels do not follow: {failed[0]} Look at the prompt, or choose another FEEDBACK_LABEL_MODEL"
        )


def show(title: str, found: "Sequence[Agreement]") -> None:
    """Print one row per trait."""
    rows = [[getattr(each, name) for name in _FIELDS] for each in found]
    print_table(title, _COLUMNS, rows)
