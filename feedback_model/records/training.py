"""Records of training: base models, runs, steps, checkpoints and the model versions they make."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypedDict

from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import Dataset
from feedback_model.records.recipe import PrecisionName, Recipe, defaults_of

UNAUGMENTED: Final = "unaugmented"  # the best epoch of the run that left the rewrites out, beside the run that did not
_EPOCH: Final = re.compile(r"epoch-(\d+)")


def run_folder(run_id: str) -> Path:
    """Name the folder of a run's checkpoints and state, relative to the home folder, so that a home can be moved."""
    return Path("checkpoints") / run_id


def epoch_folder(run_id: str, epoch: int) -> Path:
    """Name the folder of the adapter after an epoch, relative to the home folder."""
    return run_folder(run_id) / f"epoch-{epoch}"


def model_name(epoch: int | None, *, quantised: bool) -> str:
    """`epoch-N` for an adapter, else `base-nf4` or `base`."""
    if epoch is not None:
        return f"epoch-{epoch}"
    return "base-nf4" if quantised else "base"


def is_epoch(model: str) -> bool:
    """Tell whether a model is an epoch's own weights, and no variant of them."""
    return _EPOCH.fullmatch(model) is not None


def is_variant(model: str, original: str) -> bool:
    """Tell whether one model is another's weights in another form: its name goes on where the original's ends."""
    return model.startswith(f"{original}-")


def model_order(model: str) -> tuple[int, int, str]:
    """Sort models for tables: base, base-nf4, the epochs in turn, each before its variants, unaugmented, champion."""
    if epoch := _EPOCH.match(model):
        return (2, int(epoch[1]), model[epoch.end() :])
    return ({"base": 0, "base-nf4": 1, UNAUGMENTED: 3}.get(model, 4), 0, "")


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A pretrained model before any training of ours."""

    name: str
    """Hub id, folder, `smollm2` or `embedded`, as the user chose it."""
    location: str
    """What to load from: the hub id or a folder."""
    revision: str
    """Commit of the hub, or hash of the folder's content."""
    stand_in: bool = False
    """True for the embedded tiny model; figures made with it must say so."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An adapter after one epoch of one training run."""

    run_id: str
    epoch: int
    """Counted from 1."""
    path: str
    """Folder of the adapter, relative to the home folder."""
    adapter_sha: str
    """Hash of the adapter's weights."""
    train_loss: float | None
    """Mean loss per supervised token over the epoch, in nats; None if it was not measured."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A model's weights in another form, merged or quantised, as an export or an engine holds them."""

    form: str
    """What was made of them, such as `gguf-q8_0`; the variant's name is its original's, a dash and this."""
    weights_sha: str
    """Hash of the weights' files."""
    folder: str = field(default="", compare=False)
    """Where it lies now; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Something that can be asked for feedback: `base`, `base-nf4`, `epoch-N`, or a variant of one."""

    name: str
    base: BaseModel
    quantised: bool
    """True where the base is held in NF4."""
    checkpoint: Checkpoint | None = None
    longest_answer: int | None = field(default=None, compare=False)
    """Tokens of the longest answer that its training taught, or that of the run which it is measured beside; None: not known."""
    variant: Variant | None = None
    """None for the model's own weights."""

    @property
    def model_id(self) -> str:
        """Names the weights, whatever role they play in an evaluation."""
        adapter = self.checkpoint.adapter_sha if self.checkpoint else ""
        changed = (self.variant.form, self.variant.weights_sha) if self.variant else ()
        return content_id("model", self.base.revision, self.quantised, adapter, *changed)

    def as_variant(self, variant: Variant) -> "ModelVersion":
        """Return the model that `variant` made of this one."""
        return replace(self, name=f"{self.name}-{variant.form}", variant=variant)


def default_recipe(base: BaseModel) -> Recipe:
    """Return what `base` is trained with unless the user says otherwise."""
    return Recipe(**defaults_of(base.name))


TRAINING_VERSION: Final = 2
"""Raised when a change of the training code changes the weights that the same recipe gives."""

CHAT_VERSION: Final = 1
"""Raised when other ids come of the same prompt and template: by the rule for frames, the pinned date, or how special tokens
are read. Part of what names runs and inferences."""


class PrecisionUsed(TypedDict):
    """The compute type asked for, the one used, and why they differ (empty where they do not)."""

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
    longest_answer: int | None = None
    """Tokens of the longest answer that it was taught; None: not known."""


def phrase_training(run: TrainingRun) -> str:
    """Say in one sentence what a training run came to."""
    losses = [each.train_loss for each in run.checkpoints if each.train_loss is not None]
    loss = f", loss {losses[0]:.2f} to {losses[-1]:.2f}" if losses else ""
    kind = "" if run.recipe.with_augmented else " without augmentation"
    made = "was there already" if run.reused else f"computed in {run.precision['used']} on {run.device}"
    n_epochs = len(run.checkpoints)
    return (
        f"training run {run.run_id} of {run.base.name}{kind}: {n_epochs} epoch{'s' * (n_epochs > 1)}{loss}; it {made}"
    )


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One optimiser update."""

    step: int
    """Counted from 1 over all epochs."""
    epoch: int
    loss: float
    """Mean nats per supervised token of the batch, before the update."""
    learning_rate: float
    n_tokens: int | None = None
    """Tokens of the batch, prompts included."""
    seconds: float | None = field(default=None, compare=False)
    """Wall time."""
    peak_memory: int | None = field(default=None, compare=False)
    """Most bytes that the process had held by then."""


@dataclass(frozen=True, slots=True)
class EpochMeasured:
    """The figures of one checkpoint on the validation split, taken while training goes on."""

    n_total: int
    """Transcripts asked about."""
    n_valid: int
    """Strictly valid answers."""
    mse_penalised: float | None
    """Mean over traits; an invalid answer counts as the train median. None where no label could be compared."""
    mse_constant: float | None
    """Of always saying the train mean."""


def run_id_of(dataset: Dataset, base: BaseModel, recipe: Recipe) -> str:
    """Names the run by what decides its weights."""
    return content_id("train", dataset.dataset_id, recipe.recipe_hash, base.revision, TRAINING_VERSION, CHAT_VERSION)


def unaugmented_recipe(run: TrainingRun) -> Recipe:
    """Return the recipe that differs from that of `run` in one thing: it trains on no rewrite."""
    return replace(run.recipe, with_augmented=False)


def choose_precision(requested: PrecisionName, device: str, *, bfloat16_pays: bool = False) -> PrecisionUsed:
    """Choose the compute type for `device`; a CPU never computes in float16, and the run says so.

    Args:
        bfloat16_pays: the CPU multiplies much faster in bfloat16 than in float32.
    """
    if device != "cpu" or requested != "float16":
        return {"requested": requested, "used": requested, "reason": ""}
    if bfloat16_pays:
        reason = "no CUDA device: this CPU multiplies faster in bfloat16 than in float32, and float16 would need a scaled loss"
        return {"requested": requested, "used": "bfloat16", "reason": reason}
    reason = "no CUDA device: a CPU gains nothing from float16, and this one nothing from bfloat16"
    return {"requested": requested, "used": "float32", "reason": reason}
