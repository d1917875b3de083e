"""See that a base model can be trained before labels are bought for it."""

from typing import Any

from prefect import flow

from feedback_model.training.base_model import DEFAULT_BASE_MODEL
from flows.parameters import BaseModel, takes_recipe
from tasks.endings import completed
from tasks.preflight import check_base_model


@flow(
    name="preflight",
    flow_run_name="preflight {base_model}",
    description="Load the base model and try it: files, tokenizer, chat template, weights, context, loss, memory.",
    persist_result=True,
    result_serializer="json",
)
@takes_recipe
async def preflight(base_model: BaseModel = DEFAULT_BASE_MODEL, **recipe: Any) -> None:
    """Fail in one sentence where this machine cannot train the base model with the recipe."""
    await check_base_model(base_model, recipe)
    return completed(None, f"{base_model} can be trained on this machine")
