"""`feedback labels`: how far labels can be trusted, against people, against each other, and against what must be so."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import print_json, print_table, say, showing_progress
from feedback_model.errors import LabellerError, MissingStage
from feedback_model.records.labels import LabellerKind
from flows.parameters import DEFAULT_LABELLER, Labeller, Seed

if TYPE_CHECKING:
    from eval.labels import Agreement
    from feedback_model.records.labels import LabellingConfig
    from feedback_model.store.connection import Store

app = typer.Typer(help="How far labels can be trusted.", no_args_is_help=True)
_FIELDS = ("trait", "n", "difference", "ci_low", "ci_high", "qwk", "spearman", "within_one", "mse")
_CHECK_FIELDS = ("name", "trait", "n", "moved_down", "moved_up", "difference", "ci_low", "ci_high", "verdict")
_COLUMNS = ["trait", "n", "difference", "95% from", "to", "QWK", "Spearman", "within 1", "MSE"]
PromptVersion = Annotated[
    str,
    typer.Option("--prompt-version", help="Look at the labels of an earlier version of the prompt.", metavar="VERSION"),
]


@app.command()
def gold(
    file: Annotated[Path, typer.Argument(help="A table or JSON: transcript_id or text, and people's scores by trait.")],
    labeller: Labeller = DEFAULT_LABELLER,
    prompt_version: PromptVersion = "",
    json: Json = False,
) -> None:
    """Compare the labels with people's scores."""
    from eval.labels import agree, state_worse_than_constant
    from feedback_model.store.labels import labelled_transcripts
    from feedback_model.transcripts.gold import read_gold

    scored = read_gold(file)
    store, labelling_config = _open_labels(labeller, prompt_version)
    found_labels = labelled_transcripts(store, labelling_config, ids=scored.keys())
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
    show(f"Labels of {labelling_config.label_model} less people's scores", found, constant=True)
    if worse := state_worse_than_constant(found):
        say(worse)
    say(f"{len(labels)} of {len(scored)} scored transcripts are labelled; above zero, the labels are kinder")


@app.command()
def drift(labeller: Labeller = DEFAULT_LABELLER, prompt_version: PromptVersion = "", json: Json = False) -> None:
    """Compare the labels with those of other models and prompts, on the transcripts that both labelled."""
    from eval.labels import measure_drift, state_drift
    from feedback_model.store.labels import read_shared_labels

    store, labelling_config = _open_labels(labeller, prompt_version)
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
    from eval.labels import judge_check, state_wording
    from feedback_model.labelling.labeller import check_labeller, labelling_config_of, open_labeller
    from feedback_model.labelling.metamorphic import CHECKS
    from feedback_model.labelling.quality_checks import check_labels
    from feedback_model.store.connection import open_store
    from feedback_model.store.labels import measure_wording

    settings = load_settings()
    check_labeller(labeller, settings)
    store, labelling_config = open_store(settings.store_url), labelling_config_of(labeller, settings)

    async def ask() -> dict[str, Any]:
        async with open_labeller(labeller, settings) as opened:
            return await check_labels(store, opened, labelling_config, settings, limit=limit, seed=seed)

    with showing_progress(quiet=json):
        pairs = asyncio.run(ask())
    results = [judge_check(each, pairs[each.name]) for each in CHECKS]
    wording = measure_wording(store, labelling_config)
    if json:
        print_json({"checks": [asdict(each) for each in results], "wording": asdict(wording)})
    else:
        header = ["check", "trait", "n", "down", "up", "difference", "95% from", "to", "verdict"]
        rows = [[getattr(each, name) for name in _CHECK_FIELDS] for each in results]
        print_table("What must be so of any labeller", header, rows)
        say(state_wording(wording))
    failed = [each.sentence for each in results if each.verdict == "fail"]
    if failed:
        raise LabellerError(
            f"the labels do not follow: {failed[0]} Look at the prompt, or choose another FEEDBACK_LABEL_MODEL"
        )


@app.command()
def prompt(
    version: Annotated[
        str, typer.Argument(help="A version that was used; the label prompt in force if left out.")
    ] = "",
    labeller: Labeller = DEFAULT_LABELLER,
    json: Json = False,
) -> None:
    """Print a version of a prompt: all that is asked, as the labeller reads it."""
    from feedback_model.labelling.labeller import labelling_config_of
    from feedback_model.labelling.prompt_versions import describe_prompt
    from feedback_model.store.connection import open_store
    from feedback_model.store.prompts import read_prompt

    settings = load_settings(only_reads=True)
    if version:
        shown = read_prompt(open_store(settings.store_url), version)
    else:
        shown = describe_prompt("label", labelling_config_of(labeller, settings).label_model, settings.label_order)
    if json:
        print_json(asdict(shown))
        return
    say(f"prompt version {shown.prompt_version}")
    sys.stdout.write(f"{shown.text}\n")


def _open_labels(labeller: LabellerKind, prompt_version: str) -> "tuple[Store, LabellingConfig]":
    """Open the store, and name the labels to look at: those of the prompt in force, or of an earlier version."""
    from feedback_model.labelling.labeller import labelling_config_of
    from feedback_model.store.connection import open_store
    from feedback_model.store.labels import find_labelling_config

    settings = load_settings(only_reads=True)
    store, in_force = open_store(settings.store_url), labelling_config_of(labeller, settings)
    return store, find_labelling_config(store, in_force.label_model, prompt_version) if prompt_version else in_force


def show(title: str, found: "Sequence[Agreement]", *, constant: bool = False) -> None:
    """Print one row per trait, on request with the MSE of the best constant."""
    fields = [*_FIELDS, *["mse_constant"] * constant, "p_adjusted"]
    columns = [*_COLUMNS, *["constant's MSE"] * constant, "p (Holm)"]
    print_table(title, columns, [[getattr(each, name) for name in fields] for each in found])
