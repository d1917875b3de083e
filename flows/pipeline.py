"""The whole loop, once, on what has landed."""

from functools import partial
from typing import Any

from prefect import flow

from feedback_model.training.base_model import DEFAULT_BASE_MODEL, needs_preflight
from feedback_model.transcripts.reading_options import ReadingOptions
from flows.augment import augment
from flows.evaluate import evaluate
from flows.label import label
from flows.parameters import (
    DEFAULT_LABELLER,
    DEFAULT_SHARE,
    Again,
    BaseModel,
    Inputs,
    Labeller,
    Redact,
    Share,
    Speaker,
    takes_recipe,
)
from flows.preflight import preflight
from flows.report import report
from flows.train import train
from tasks.endings import completed
from tasks.evaluation import tell_verdict
from tasks.labelling import is_much_to_label
from tasks.landing import land_files
from tasks.sharing import helped
from tasks.stages import run_stage


@flow(
    name="pipeline",
    flow_run_name="{labeller} labels, {base_model}",
    description="Land, check the base model, label, augment, train, infer, evaluate, report.",
)
@takes_recipe
async def pipeline(
    inputs: Inputs = [],  # noqa: B006 - Prefect shows the default in the form and copies it
    speaker: Speaker = "all",
    redact: Redact = False,
    labeller: Labeller = DEFAULT_LABELLER,
    base_model: BaseModel = DEFAULT_BASE_MODEL,
    augmentation_share: Share = DEFAULT_SHARE,
    again: Again = False,
    **recipe: Any,
) -> str:
    """Run every stage once; each does only what is missing. Returns the test evaluation's id."""
    if inputs:
        await land_files(inputs, ReadingOptions(speaker=speaker, redact=redact))
    if needs_preflight(base_model):
        await run_stage(preflight, "preflight/gpu", base_model=base_model, **recipe)
    async with helped("label/on-demand", worth_it=partial(is_much_to_label, labeller), labeller=labeller):
        await label(labeller)
    await augment(labeller, augmentation_share, recipe["seed"])
    run_id = await run_stage(train, "train/gpu", labeller=labeller, base_model=base_model, again=again, **recipe)
    evaluation_id = await evaluate(run_id, again)
    await report(evaluation_id)
    return completed(evaluation_id, await tell_verdict(evaluation_id))
