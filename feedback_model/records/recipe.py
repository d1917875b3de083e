"""The recipe of a fine-tuning: every choice that shapes the weights.

Each field states its default, its bounds and its meaning here and nowhere else: the command line, the form in the UI,
recipe files, the database and the reference page are made from these definitions. A recipe's hash is part of a training
run's id, so a changed field is another run. Loads no torch.
"""

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from feedback_model.records.identifiers import content_id

PrecisionName = Literal["float16", "bfloat16", "float32"]


@plain_dataclass(frozen=True, slots=True, kw_only=True)
class ByBase:
    """Defaults for base models by name, where they differ from that for others; None: no other."""

    embedded: float
    smollm2: float | None = None


@plain_dataclass(frozen=True, slots=True)
class AsBefore:
    """The value that runs had before the field existed; a recipe at this value keeps the hash it had without the field."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(use_attribute_docstrings=True, extra="forbid"))
class Recipe:
    """Fine-tuning of a base model with QLoRA."""

    epochs: int = Field(default=3, ge=1, le=1_000)
    """Passes over the train split; each leaves a checkpoint."""
    rank: int = Field(default=8, ge=1, le=512)
    """Rank of every LoRA update; 8 is plenty for six scores and a format."""
    alpha: int = Field(default=32, ge=1, le=4_096)
    """LoRA updates are scaled by alpha / rank; 4 lets rank 8 move as far as QLoRA's defaults do."""
    dropout: float = Field(default=0.0, ge=0, le=0.9)
    """Share of LoRA inputs dropped; three epochs do not overfit enough to need it."""
    learning_rate: Annotated[float, ByBase(embedded=7e-3, smollm2=2e-3)] = Field(default=2e-4, gt=0, le=1)
    """Peak step size of AdamW; QLoRA's for models below 13B, 10 times that at 135M parameters, 35 times for the embedded one."""
    batch_size: Annotated[int, ByBase(embedded=8, smollm2=8)] = Field(default=16, ge=1, le=4_096)
    """Examples a step; one step is one optimiser update."""
    warmup_fraction: float = Field(default=0.03, ge=0, le=1)
    """Share of all steps over which the learning rate rises linearly from zero; then it falls along a cosine to zero."""
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    """Decoupled decay of the adapters; 0 as in QLoRA, since LoRA starts at zero and is already small."""
    max_gradient_norm: Annotated[float, ByBase(embedded=1.0)] = Field(default=0.3, gt=0, le=1_000)
    """Gradients are scaled down to this Euclidean norm; QLoRA's 0.3 keeps float16 away from overflow."""
    max_length: Annotated[int, ByBase(embedded=1_024)] = Field(default=2_048, ge=1, le=131_072)
    """Tokens of prompt and answer together; longer transcripts are cut, answers never."""
    precision: PrecisionName = "float16"
    """Compute type that is asked for; a CPU computes in float32 instead of float16, and the run says so."""
    branch_weight: Annotated[float, AsBefore(0.0)] = Field(default=0.25, ge=0, le=100)
    """Weight of teaching each trait apart, so that all scores can be read in one pass; whole answers have 1."""
    expectation_weight: Annotated[float, AsBefore(0.0), ByBase(embedded=0.05)] = Field(default=2.0, ge=0, le=100)
    """Weight of the squared distance between the mean score there and the label's; both at 0 teach whole answers alone."""
    with_augmented: Annotated[bool, AsBefore(True)] = True
    """Train on the dataset's rewrites too; false makes a run for comparison, which is never taken as the latest."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Seeds adapter initialisation, dropout and the order of examples."""

    @property
    def recipe_hash(self) -> str:
        """Name of the recipe by its content."""
        values = asdict(self)
        return content_id("recipe", {name: values[name] for name in values if values[name] != _AS_BEFORE.get(name)})


RECIPE_FIELDS: Mapping[str, FieldInfo] = Recipe.__pydantic_fields__  # pyright: ignore[reportAttributeAccessIssue] - made by pydantic
"""Default, bounds and meaning of each field, by name."""


def _marked(kind: type[AsBefore] | type[ByBase]) -> dict[str, Any]:
    """Map each field that carries a mark of `kind` to that mark."""
    marks = [(name, mark) for name, field in RECIPE_FIELDS.items() for mark in field.metadata if isinstance(mark, kind)]
    return dict(marks)


_AS_BEFORE = {name: mark.value for name, mark in _marked(AsBefore).items()}

DEFAULTS_BY_BASE: Mapping[str, Mapping[str, Any]] = {
    name: {base: value for base, value in asdict(mark).items() if value is not None}
    for name, mark in _marked(ByBase).items()
}
"""Of each field whose default depends on the base model: the defaults of those that have their own, by the base's name."""


def defaults_of(base_model: str) -> dict[str, Any]:
    """Return the defaults that a base model has in place of the fields' own."""
    return {name: defaults[base_model] for name, defaults in DEFAULTS_BY_BASE.items() if base_model in defaults}


def recipe_from(values: Mapping[str, Any]) -> Recipe:
    """Rebuild a recipe that was stored as JSON; fields this version does not know are left out."""
    return Recipe(**{name: value for name, value in values.items() if name in RECIPE_FIELDS})
