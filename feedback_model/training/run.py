"""What a training run is, as records; the store writes them, training makes them, and neither needs torch for it."""

from dataclasses import dataclass, replace
from typing import Final, TypedDict

from feedback_model.records import BaseModel, Checkpoint, Dataset, content_id
from feedback_model.training.recipe import PrecisionName, Recipe

TRAINING_VERSION: Final = 1
"""Raised when a change of the training code changes the weights that the same recipe gives."""


class PrecisionUsed(TypedDict):
    """Which compute type was asked for, which was used, and why they differ (empty where they do not)."""

    requested: PrecisionName
    used: PrecisionName
    reason: str


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One QLoRA fine-tuning and the checkpoints it left."""

    run_id: str
    dataset_id: str
    base: BaseModel
    recipe: Recipe
    precision: PrecisionUsed
    device: str
    """`cpu` or `cuda`."""
    code_commit: str
    checkpoints: tuple[Checkpoint, ...]
    """One an epoch, in order."""
    reused: bool = False
    """True where an earlier call had finished this very run."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One optimiser update."""

    step: int
    """Counted from 1 over all epochs."""
    epoch: int
    loss: float
    """Mean nats per supervised token of the batch, before the update."""
    learning_rate: float


def run_id_of(dataset: Dataset, base: BaseModel, recipe: Recipe) -> str:
    """Names the run by what decides its weights."""
    return content_id("train", dataset.dataset_id, recipe.recipe_hash, base.revision, TRAINING_VERSION)


def unaugmented_recipe(run: TrainingRun) -> Recipe:
    """The recipe that differs from that of `run` in one thing: it trains on no rewrite."""
    return replace(run.recipe, with_augmented=False)


def choose_precision(requested: PrecisionName, device: str) -> PrecisionUsed:
    """What `device` can compute in; a CPU trains in float32 unless asked for bfloat16, and the run says so."""
    if device == "cpu" and requested == "float16":
        return {
            "requested": requested,
            "used": "float32",
            "reason": "no CUDA device: float16 matrix products are some 60 times slower than float32 on a CPU",
        }
    return {"requested": requested, "used": requested, "reason": ""}
