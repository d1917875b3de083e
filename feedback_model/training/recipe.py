"""The recipe of a fine-tuning: every choice that shapes the weights, and nothing that does not.

A recipe's hash is part of a training run's id, so a changed field is another run. Knows nothing of torch or of data.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from feedback_model.records import BaseModel, content_id

PrecisionName = Literal["float16", "bfloat16", "float32"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a base model is fine-tuned with QLoRA."""

    epochs: int = 3
    """Passes over the train split; each leaves a checkpoint."""
    rank: int = 8
    """Rank of every LoRA update; 8 is the mission's, and plenty for six scores and a format."""
    alpha: int = 32
    """LoRA updates are scaled by alpha / rank; 4 lets rank 8 move as far as QLoRA's defaults do."""
    dropout: float = 0.0
    """Share of LoRA inputs dropped; three epochs do not overfit enough to need it."""
    learning_rate: float
    """Peak step size of AdamW."""
    batch_size: int
    """Examples a step; one step is one optimiser update."""
    warmup_fraction: float
    """Share of all steps over which the learning rate rises linearly from zero; then it falls along a cosine to zero."""
    weight_decay: float
    """Decoupled decay of the adapters; 0 as in QLoRA, since LoRA starts at zero and is already small."""
    max_gradient_norm: float
    """Gradients are scaled down to this Euclidean norm."""
    max_length: int
    """Tokens of prompt and answer together; longer transcripts are cut, answers never."""
    precision: PrecisionName = "float16"
    """Compute type that is asked for; what could be had is recorded with the run."""
    with_augmented: bool = True
    """Whether the dataset's rewrites are trained on; False makes the run that shows what they were worth."""
    seed: int
    """Seeds adapter initialisation, dropout and the order of examples."""

    def __post_init__(self) -> None:
        for name in ("epochs", "rank", "alpha", "batch_size", "max_length", "learning_rate", "max_gradient_norm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected more than 0")

    @property
    def recipe_hash(self) -> str:
        """Names the recipe by its content; what is usual goes without saying, so that older runs keep their names."""
        return content_id("recipe", {name: value for name, value in asdict(self).items() if value is not True})


def recipe_from(values: dict[str, Any]) -> Recipe:
    """The recipe whose fields were stored as JSON; fields this version does not know are left out."""
    known = {field.name for field in fields(Recipe)}
    return Recipe(**{name: value for name, value in values.items() if name in known})


def default_recipe(base: BaseModel) -> Recipe:
    """What a base model is trained with unless the user says otherwise."""
    if base.stand_in:
        # Measured for the stand-in: a model of 160,000 parameters wants steps 35 times larger than a real one.
        return Recipe(
            learning_rate=7e-3,
            batch_size=8,
            warmup_fraction=0.03,
            weight_decay=0.0,
            max_gradient_norm=1.0,
            max_length=1024,
            seed=0,
        )
    return Recipe(
        learning_rate=2e-4,  # QLoRA's for models below 13B
        batch_size=16,  # QLoRA's
        warmup_fraction=0.03,
        weight_decay=0.0,
        max_gradient_norm=0.3,  # QLoRA's; keeps float16 away from overflow
        max_length=2048,  # 250 words of transcript, the rubric, and the longest answers
        seed=0,
    )
