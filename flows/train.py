"""Freeze a dataset version and fine-tune on it."""

from typing import Any

from prefect import flow

from feedback_model.training.base_model import DEFAULT_BASE_MODEL, needs_preflight
from flows.parameters import DEFAULT_LABELLER, Again, BaseModel, ControlOf, Labeller, takes_recipe
from tasks.endings import completed
from tasks.evaluation import fix_promotion_rules
from tasks.preflight import check_base_model
from tasks.training import fine_tune, fine_tune_unaugmented, take_snapshot


@flow(
    name="train",
    flow_run_name="train {base_model} for {epochs} epochs",
    description="QLoRA fine-tuning on what is labelled.",
    persist_result=True,
    result_serializer="json",
)
@takes_recipe
async def train(
    labeller: Labeller = DEFAULT_LABELLER,
    base_model: BaseModel = DEFAULT_BASE_MODEL,
    again: Again = False,
    control_of: ControlOf = "",
    **recipe: Any,
) -> str:
    """Snapshot the labelled transcripts and fine-tune the base model on their train part; returns the run's id.

    With `control_of` that run is trained once more instead, as it was but without the rewrites.
    """
    await fix_promotion_rules()
    if control_of:
        control_id = await fine_tune_unaugmented(control_of, again)
        return completed(control_id, f"training run {control_id} repeats {control_of} without its rewrites")
    dataset_id = await take_snapshot(labeller)
    if needs_preflight(base_model):
        await check_base_model(base_model, recipe)
    run_id = await fine_tune(dataset_id, base_model, recipe, again)
    return completed(run_id, f"training run {run_id}")
